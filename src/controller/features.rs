//! Raising and lowering the levels of features.
//!
//! Room:       `controller`.
//! Called by:  `Controller::decide`, `Controller::register`.
//! Calls:      `metadata::features` for what can be served.
//! Never:      commits a part of one request: all of its levels change, or none.
//!
//! Codes and sentences are Kafka's.

use super::{Controller, FeatureUpdate, Refused, Reply, StoreError};
use crate::metadata::{FEATURES, Image, METADATA_VERSION, features};
use crate::protocol::ErrorCode;
use crate::protocol::records::metadata::{FeatureLevelRecord, MetadataRecord};

/// `FeatureUpdate.UpgradeType` on the wire.
const UPGRADE: i8 = 1;
const SAFE_DOWNGRADE: i8 = 2;
const UNSAFE_DOWNGRADE: i8 = 3;

impl Controller {
    pub(super) async fn update_features(
        &self,
        updates: Vec<FeatureUpdate>,
        validate_only: bool,
    ) -> Result<Reply, StoreError> {
        let image = self.image();
        let planned: Result<Vec<_>, Refused> = updates
            .iter()
            .map(|update| plan(&image, self.config.node_id, update))
            .collect();
        let outcome = match planned {
            Ok(records) if !validate_only => self.commit(&records).await.map(|()| Ok(()))?,
            Ok(_) => Ok(()),
            Err(refused) => Err(refused),
        };
        Ok(Reply::Outcomes(vec![outcome]))
    }
}

/// What a cluster that is being made begins with.
pub(super) fn first_levels<'r>() -> impl Iterator<Item = MetadataRecord<'r>> {
    let begun = FEATURES.iter().filter(|feature| feature.level_new > 0);
    begun.map(|feature| {
        MetadataRecord::FeatureLevel(FeatureLevelRecord {
            name: feature.name,
            feature_level: feature.level_new,
        })
    })
}

fn plan<'u>(
    image: &Image,
    node: i32,
    update: &'u FeatureUpdate,
) -> Result<MetadataRecord<'u>, Refused> {
    let FeatureUpdate {
        name,
        level,
        upgrade_type,
    } = update;
    let refuse = |reason: &str| {
        let text = format!(
            "The update failed for all features since the following feature had an error: Invalid \
             update version {level} for feature {name}. {reason}"
        );
        Err((ErrorCode::InvalidUpdateVersion, text))
    };
    if !matches!(*upgrade_type, UPGRADE | SAFE_DOWNGRADE | UNSAFE_DOWNGRADE) {
        return refuse("The controller does not support the given upgrade type.");
    }
    if *level < 0 {
        return refuse("A feature version cannot be less than 0.");
    }
    let Some(feature) = features::find(name) else {
        return refuse(&format!(
            "Local controller {node} does not support this feature."
        ));
    };
    // Level 0 takes a feature away; only that of the metadata itself must stay.
    let is_off = *level == 0 && name != METADATA_VERSION;
    if !is_off && !(feature.level_min..=feature.level_max).contains(level) {
        let (min, max) = (feature.level_min, feature.level_max);
        return refuse(&format!(
            "Local controller {node} only supports versions {min}-{max}"
        ));
    }
    let now = image.feature(name);
    if *level < now && *upgrade_type == UPGRADE {
        return refuse(
            "Can't downgrade the version of this feature without setting the upgrade type to \
             either safe or unsafe downgrade.",
        );
    }
    if *level > now && *upgrade_type != UPGRADE {
        return refuse("Can't downgrade to a newer version.");
    }
    Ok(MetadataRecord::FeatureLevel(FeatureLevelRecord {
        name,
        feature_level: *level,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::METADATA_LEVEL;

    fn text(level: i16, upgrade_type: i8, name: &str) -> Option<String> {
        let mut image = Image::empty("cluster", 1);
        first_levels().for_each(|record| image.apply(&record));
        let update = FeatureUpdate {
            name: name.to_owned(),
            level,
            upgrade_type,
        };
        let (code, text) = plan(&image, 1, &update).err()?;
        assert_eq!(code, ErrorCode::InvalidUpdateVersion);
        Some(text)
    }

    #[test]
    fn a_cluster_begins_at_the_newest_levels() {
        let mut image = Image::empty("cluster", 1);
        first_levels().for_each(|record| image.apply(&record));
        assert_eq!(image.feature(METADATA_VERSION), METADATA_LEVEL);
        for feature in FEATURES {
            assert_eq!(image.feature(feature.name), feature.level_new);
            assert!(feature.level_min <= feature.level_max);
        }
    }

    #[test]
    fn a_level_that_cannot_be_says_why() {
        let level = METADATA_LEVEL;
        assert_eq!(text(level, UPGRADE, METADATA_VERSION), None);
        for (level, kind, name, reason) in [
            (level, 0, METADATA_VERSION, "the given upgrade type."),
            (level, 9, METADATA_VERSION, "the given upgrade type."),
            (-1, UPGRADE, METADATA_VERSION, "less than 0."),
            (1, UPGRADE, "no.such", "1 does not support this feature."),
            (0, SAFE_DOWNGRADE, METADATA_VERSION, "versions 25-25"),
            (24, SAFE_DOWNGRADE, METADATA_VERSION, "versions 25-25"),
            (26, UPGRADE, METADATA_VERSION, "versions 25-25"),
        ] {
            let text = text(level, kind, name).expect(reason);
            assert!(text.ends_with(reason), "{text}");
        }
    }
}
