//! `UpdateFeaturesRequest`, `UpdateFeaturesResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/update_features.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct UpdateFeaturesRequest<'a> {
    /// Versions 0+.
    pub timeout_ms: i32,
    /// Versions 0+.
    pub feature_updates: Vec<FeatureUpdateKey<'a>>,
    /// Versions 1+.
    pub validate_only: bool,
}

impl Default for UpdateFeaturesRequest<'_> {
    fn default() -> Self {
        Self {
            timeout_ms: 60000,
            feature_updates: Default::default(),
            validate_only: Default::default(),
        }
    }
}

impl<'a> UpdateFeaturesRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 2)?;
        let mut this = Self::default();
        this.timeout_ms = reader.i32()?;
        this.feature_updates =
            reader.array(true, 5, |reader| FeatureUpdateKey::decode(reader, version))?;
        if version >= 1 {
            this.validate_only = reader.bool()?;
        }
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 2)?;
        out.put_i32(self.timeout_ms);
        out.put_array(&self.feature_updates, true, |out, item| {
            item.encode(out, version)
        })?;
        if version >= 1 {
            out.put_bool(self.validate_only);
        } else {
            absent(!self.validate_only, "ValidateOnly", version)?;
        }
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct FeatureUpdateKey<'a> {
    /// Versions 0+.
    pub feature: &'a str,
    /// Versions 0+.
    pub max_version_level: i16,
    /// Versions 0.
    pub allow_downgrade: bool,
    /// Versions 1+.
    pub upgrade_type: i8,
}

impl Default for FeatureUpdateKey<'_> {
    fn default() -> Self {
        Self {
            feature: Default::default(),
            max_version_level: Default::default(),
            allow_downgrade: Default::default(),
            upgrade_type: 1,
        }
    }
}

impl<'a> FeatureUpdateKey<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.feature = reader.string(true)?;
        this.max_version_level = reader.i16()?;
        if version <= 0 {
            this.allow_downgrade = reader.bool()?;
        }
        if version >= 1 {
            this.upgrade_type = reader.i8()?;
        }
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_string(self.feature, true)?;
        out.put_i16(self.max_version_level);
        if version <= 0 {
            out.put_bool(self.allow_downgrade);
        } else {
            absent(!self.allow_downgrade, "AllowDowngrade", version)?;
        }
        if version >= 1 {
            out.put_i8(self.upgrade_type);
        } else {
            absent(self.upgrade_type == 1, "UpgradeType", version)?;
        }
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { UpdateFeaturesRequest<'a>, versions 0..=2, flexible 0 }

request! {
    UpdateFeatures,
    UpdateFeaturesRequest<'a>,
    UpdateFeaturesResponse<'r>
}

#[derive(Clone, Debug, PartialEq)]
pub struct UpdateFeaturesResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+, nullable 0+.
    pub error_message: Option<&'a str>,
    /// Versions 0-1.
    pub results: Vec<UpdatableFeatureResult<'a>>,
}

impl Default for UpdateFeaturesResponse<'_> {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            error_message: Some(""),
            results: Default::default(),
        }
    }
}

impl<'a> UpdateFeaturesResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 2)?;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.error_message = reader.nullable_string(true)?;
        if version <= 1 {
            this.results = reader.array(true, 5, |reader| {
                UpdatableFeatureResult::decode(reader, version)
            })?;
        }
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 2)?;
        out.put_i32(self.throttle_time_ms);
        out.put_i16(self.error_code.code());
        out.put_nullable_string(self.error_message, true)?;
        if version <= 1 {
            out.put_array(&self.results, true, |out, item| item.encode(out, version))?;
        }
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct UpdatableFeatureResult<'a> {
    /// Versions 0+.
    pub feature: &'a str,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+, nullable 0+.
    pub error_message: Option<&'a str>,
}

impl Default for UpdatableFeatureResult<'_> {
    fn default() -> Self {
        Self {
            feature: Default::default(),
            error_code: Default::default(),
            error_message: Some(""),
        }
    }
}

impl<'a> UpdatableFeatureResult<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.feature = reader.string(true)?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.error_message = reader.nullable_string(true)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.feature, true)?;
        out.put_i16(self.error_code.code());
        out.put_nullable_string(self.error_message, true)?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { UpdateFeaturesResponse<'a>, versions 0..=2, flexible 0 }
