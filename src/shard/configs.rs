//! What a changed configuration means to this shard: its partitions' settings, and its own.
//!
//! Room:       `shard`.
//! Called by:  `open`, with each image.
//! Calls:      `partition`, `config`.
//! Never:      touches partitions whose settings are what they were.

use super::Shard;
use crate::config::BrokerConfig;
use crate::metadata::{Image, ResourceKind, changed_overrides};
use crate::partition::TopicSettings;
use std::rc::Rc;
use std::sync::Arc;

impl Shard {
    /// Topics whose own records did not change may still have other settings.
    pub(super) fn follow_configs(&self, before: &Image, image: &Image) {
        if Arc::ptr_eq(&before.configs, &image.configs) {
            return;
        }
        if self.follow_broker_configs(before, image) {
            // Those of a topic stand together.
            for topic in self.partitions().chunk_by(|a, b| a.topic == b.topic) {
                let settings = self.topic_settings(image, &topic[0].topic);
                let each = topic.iter();
                each.for_each(|partition| partition.configure(settings.clone()));
            }
            return;
        }
        for name in changed_overrides(&before.configs, &image.configs, ResourceKind::Topic) {
            let Some(topic) = image.topic(name) else {
                continue;
            };
            let settings = self.topic_settings(image, name);
            let here = self.placed_here(topic);
            here.filter_map(|(key, _)| self.partition(key))
                .for_each(|partition| partition.configure(settings.clone()));
        }
    }

    /// Whether the brokers' own settings changed, which are every topic's defaults.
    fn follow_broker_configs(&self, before: &Image, image: &Image) -> bool {
        let config = self.config();
        let node = config.node_id.to_string();
        let of = |image| Image::broker_overrides(image, &node);
        let (default, own) = of(image);
        if (default, own) == of(before) {
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
