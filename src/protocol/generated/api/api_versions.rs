//! `ApiVersionsRequest`, `ApiVersionsResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/api_versions.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct ApiVersionsRequest<'a> {
    /// Versions 3+.
    pub client_software_name: &'a str,
    /// Versions 3+.
    pub client_software_version: &'a str,
    /// Versions 5+, nullable 5+.
    pub cluster_id: Option<&'a str>,
    /// Versions 5+.
    pub node_id: i32,
}

impl Default for ApiVersionsRequest<'_> {
    fn default() -> Self {
        Self {
            client_software_name: Default::default(),
            client_software_version: Default::default(),
            cluster_id: Default::default(),
            node_id: -1,
        }
    }
}

impl<'a> ApiVersionsRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 5)?;
        let flexible = version >= 3;
        let mut this = Self::default();
        if version >= 3 {
            this.client_software_name = reader.string(flexible)?;
        }
        if version >= 3 {
            this.client_software_version = reader.string(flexible)?;
        }
        if version >= 5 {
            this.cluster_id = reader.nullable_string(flexible)?;
        }
        if version >= 5 {
            this.node_id = reader.i32()?;
        }
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 5)?;
        let flexible = version >= 3;
        if version >= 3 {
            out.put_string(self.client_software_name, flexible)?;
        }
        if version >= 3 {
            out.put_string(self.client_software_version, flexible)?;
        }
        if version >= 5 {
            out.put_nullable_string(self.cluster_id, flexible)?;
        }
        if version >= 5 {
            out.put_i32(self.node_id);
        }
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

message! { ApiVersionsRequest<'a>, versions 0..=5, flexible 3 }

request! {
    ApiVersions,
    ApiVersionsRequest<'a>,
    ApiVersionsResponse<'r>
}

#[derive(Clone, Debug, PartialEq)]
pub struct ApiVersionsResponse<'a> {
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+.
    pub api_keys: Vec<ApiVersion>,
    /// Versions 1+.
    pub throttle_time_ms: i32,
    /// Versions 3+, tag 0.
    pub supported_features: Vec<SupportedFeatureKey<'a>>,
    /// Versions 3+, tag 1.
    pub finalized_features_epoch: i64,
    /// Versions 3+, tag 2.
    pub finalized_features: Vec<FinalizedFeatureKey<'a>>,
    /// Versions 3+, tag 3.
    pub zk_migration_ready: bool,
}

impl Default for ApiVersionsResponse<'_> {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            api_keys: Default::default(),
            throttle_time_ms: Default::default(),
            supported_features: Default::default(),
            finalized_features_epoch: -1,
            finalized_features: Default::default(),
            zk_migration_ready: Default::default(),
        }
    }
}

impl<'a> ApiVersionsResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 5)?;
        let flexible = version >= 3;
        let mut this = Self::default();
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.api_keys = reader.array(flexible, 6, |reader| ApiVersion::decode(reader, version))?;
        if version >= 1 {
            this.throttle_time_ms = reader.i32()?;
        }
        if flexible {
            reader.tags(|reader, tag| {
                match tag {
                    0 => {
                        this.supported_features = reader.array(true, 6, |reader| {
                            SupportedFeatureKey::decode(reader, version)
                        })?
                    }
                    1 => this.finalized_features_epoch = reader.i64()?,
                    2 => {
                        this.finalized_features = reader.array(true, 6, |reader| {
                            FinalizedFeatureKey::decode(reader, version)
                        })?
                    }
                    3 => this.zk_migration_ready = reader.bool()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 5)?;
        let flexible = version >= 3;
        out.put_i16(self.error_code.code());
        out.put_array(&self.api_keys, flexible, |out, item| {
            item.encode(out, version)
        })?;
        if version >= 1 {
            out.put_i32(self.throttle_time_ms);
        }
        if flexible {
            let has_supported_features = !self.supported_features.is_empty();
            let has_finalized_features_epoch = self.finalized_features_epoch != -1;
            let has_finalized_features = !self.finalized_features.is_empty();
            let has_zk_migration_ready = self.zk_migration_ready;
            out.put_unsigned_varint(
                u32::from(has_supported_features)
                    + u32::from(has_finalized_features_epoch)
                    + u32::from(has_finalized_features)
                    + u32::from(has_zk_migration_ready),
            );
            if has_supported_features {
                out.put_tag(0, |out| {
                    out.put_array(&self.supported_features, true, |out, item| {
                        item.encode(out, version)
                    })
                })?;
            }
            if has_finalized_features_epoch {
                out.put_tag(1, |out| {
                    out.put_i64(self.finalized_features_epoch);
                    Ok(())
                })?;
            }
            if has_finalized_features {
                out.put_tag(2, |out| {
                    out.put_array(&self.finalized_features, true, |out, item| {
                        item.encode(out, version)
                    })
                })?;
            }
            if has_zk_migration_ready {
                out.put_tag(3, |out| {
                    out.put_bool(self.zk_migration_ready);
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ApiVersion {
    /// Versions 0+.
    pub api_key: i16,
    /// Versions 0+.
    pub min_version: i16,
    /// Versions 0+.
    pub max_version: i16,
}

impl ApiVersion {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        let flexible = version >= 3;
        let mut this = Self::default();
        this.api_key = reader.i16()?;
        this.min_version = reader.i16()?;
        this.max_version = reader.i16()?;
        if flexible {
            reader.skip_tags()?;
        }
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        let flexible = version >= 3;
        out.put_i16(self.api_key);
        out.put_i16(self.min_version);
        out.put_i16(self.max_version);
        if flexible {
            out.put_unsigned_varint(0);
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SupportedFeatureKey<'a> {
    /// Versions 3+.
    pub name: &'a str,
    /// Versions 3+.
    pub min_version: i16,
    /// Versions 3+.
    pub max_version: i16,
}

impl<'a> SupportedFeatureKey<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.name = reader.string(true)?;
        this.min_version = reader.i16()?;
        this.max_version = reader.i16()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.name, true)?;
        out.put_i16(self.min_version);
        out.put_i16(self.max_version);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FinalizedFeatureKey<'a> {
    /// Versions 3+.
    pub name: &'a str,
    /// Versions 3+.
    pub max_version_level: i16,
    /// Versions 3+.
    pub min_version_level: i16,
}

impl<'a> FinalizedFeatureKey<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.name = reader.string(true)?;
        this.max_version_level = reader.i16()?;
        this.min_version_level = reader.i16()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_string(self.name, true)?;
        out.put_i16(self.max_version_level);
        out.put_i16(self.min_version_level);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { ApiVersionsResponse<'a>, versions 0..=5, flexible 3 }
