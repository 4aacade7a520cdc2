//! One table of properties: Kafka's names, types, bounds, defaults.
//!
//! Room:       `config`, configuration.
//! Called by:  everyone.
//! Calls:      nothing.
//! Never:      hands out strings: text becomes types here, once.
//!
//! ```text
//! server.properties → parse → values (checked against table) → BrokerConfig → TopicConfig
//!                               ▲                                  │
//!        AlterConfigs → alter ──┘                                  └→ describe → DescribeConfigs
//! ```

#![forbid(unsafe_code)]

pub mod alter;
pub mod broker;
pub mod describe;
pub mod error;
pub mod group;
pub mod internal;
pub mod listener;
pub mod log_levels;
pub mod memory;
pub mod meta_properties;
pub mod parse;
pub mod property;
pub mod reference;
pub mod share;
pub mod suggest;
pub mod table;
pub mod topic;
pub mod values;

pub use alter::{AlterOp, validate_broker_override, validate_topic_override};
pub use broker::{BrokerConfig, IoMode, JournalConfig, Machine, Polling};
pub use describe::{ConfigEntry, ConfigSource, ConfigSynonym, describe_broker, describe_topic};
pub use error::{ConfigError, Place, Warning};
pub use group::GroupConfig;
pub use internal::{InternalTopic, InternalTopicConfig};
pub use listener::{Address, Listener, SecurityProtocol};
pub use memory::MemoryShares;
pub use meta_properties::{MetaError, MetaProperties};
pub use share::{ShareConfig, ShareGroupConfig, ShareReset};
pub use topic::{Cleanup, Compression, Durability, TimestampType, TopicConfig};

/// Names and values somebody set, as text: the form in which the metadata log keeps them.
pub type Overrides = std::collections::BTreeMap<String, String>;
