//! What a changed configuration means to this shard: its partitions' settings, and its own.
//!
//! Room:       `shard`.
//! Called by:  `open`, with each image.
//! Calls:      `partition`, `config`.
//! Never:      touches partitions whose settings are what they were.

use super::Shard;
use crate::config::BrokerConfig;
use crate::metadata::{Image, ResourceKind, TopicImage, changed_overrides};
use crate::partition::TopicSettings;
use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

impl Shard {
    /// Topics whose own records did not change may still have other settings.
    pub(super) fn follow_configs(&self, before: &Image, image: &Image) {
        if Arc::ptr_eq(&before.configs, &image.configs) {
            return;
        }
        let topics: Vec<&Arc<TopicImage>> = match self.follow_broker_configs(before, image) {
            true => image.topics().collect(),
            false => changed_overrides(&before.configs, &image.configs, ResourceKind::Topic)
                .into_iter()
                .filter_map(|name| image.topic(name))
                .collect(),
        };
        for topic in topics {
            let settings = OnceCell::new();
            let here = self.placed_here(topic);
            for partition in here.filter_map(|(key, _)| self.partition(key)) {
                let settings = settings.get_or_init(|| self.topic_settings(image, &topic.name));
                partition.configure(settings.clone());
            }
        }
    }

    /// Whether the brokers' own settings changed, which are every topic's defaults.
    fn follow_broker_configs(&self, before: &Image, image: &Image) -> bool {
        let config = self.config();
        let node = config.node_id.to_string();
        let default = image.overrides(ResourceKind::Broker, "");
        let own = image.overrides(ResourceKind::Broker, &node);
        if default == before.overrides(ResourceKind::Broker, "")
            && own == before.overrides(ResourceKind::Broker, &node)
        {
            return false;
        }
        match config.with_dynamic(default, own) {
            Ok(config) => {
                for dir in &self.dirs {
                    dir.storage.set_producer_expiration(expiration_ms(&config));
                }
                *self.config.borrow_mut() = Arc::new(config);
            }
            Err(error) => tracing::warn!(%error, "dynamic configuration not applied"),
        }
        true
    }

    pub(super) fn topic_settings(&self, image: &Image, topic: &str) -> Rc<TopicSettings> {
        let config = self.config();
        let overrides = image.overrides(ResourceKind::Topic, topic);
        let config = config.topic(overrides).unwrap_or_else(|error| {
            // Validated before it was committed; another version may have known other values.
            tracing::warn!(%error, topic, "topic configuration not understood; defaults apply");
            config.topic_defaults
        });
        TopicSettings::new(config)
    }
}

/// `producer.id.expiration.ms`, as logs count it.
pub(super) fn expiration_ms(config: &BrokerConfig) -> i64 {
    i64::try_from(config.producer_id_expiration_ms).unwrap_or(i64::MAX)
}
