//! `DescribeClusterRequest`, `DescribeClusterResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/describe_cluster.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeClusterRequest {
    /// Versions 0+.
    pub include_cluster_authorized_operations: bool,
    /// Versions 1+.
    pub endpoint_type: i8,
    /// Versions 2+.
    pub include_fenced_brokers: bool,
}

impl Default for DescribeClusterRequest {
    fn default() -> Self {
        Self {
            include_cluster_authorized_operations: Default::default(),
            endpoint_type: 1,
            include_fenced_brokers: Default::default(),
        }
    }
}

impl DescribeClusterRequest {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 2)?;
        let mut this = Self::default();
        this.include_cluster_authorized_operations = reader.bool()?;
        if version >= 1 {
            this.endpoint_type = reader.i8()?;
        }
        if version >= 2 {
            this.include_fenced_brokers = reader.bool()?;
        }
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 2)?;
        out.put_bool(self.include_cluster_authorized_operations);
        if version >= 1 {
            out.put_i8(self.endpoint_type);
        } else {
            absent(self.endpoint_type == 1, "EndpointType", version)?;
        }
        if version >= 2 {
            out.put_bool(self.include_fenced_brokers);
        } else {
            absent(
                !self.include_fenced_brokers,
                "IncludeFencedBrokers",
                version,
            )?;
        }
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { DescribeClusterRequest, versions 0..=2, flexible 0 }

request! {
    DescribeCluster,
    DescribeClusterRequest,
    DescribeClusterResponse<'r>
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribeClusterResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+, nullable 0+.
    pub error_message: Option<&'a str>,
    /// Versions 1+.
    pub endpoint_type: i8,
    /// Versions 0+.
    pub cluster_id: &'a str,
    /// Versions 0+.
    pub controller_id: BrokerId,
    /// Versions 0+.
    pub brokers: Vec<DescribeClusterBroker<'a>>,
    /// Versions 0+.
    pub cluster_authorized_operations: i32,
}

impl Default for DescribeClusterResponse<'_> {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            error_message: Default::default(),
            endpoint_type: 1,
            cluster_id: Default::default(),
            controller_id: BrokerId(-1),
            brokers: Default::default(),
            cluster_authorized_operations: -2147483648,
        }
    }
}

impl<'a> DescribeClusterResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 2)?;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.error_message = reader.nullable_string(true)?;
        if version >= 1 {
            this.endpoint_type = reader.i8()?;
        }
        this.cluster_id = reader.string(true)?;
        this.controller_id = BrokerId(reader.i32()?);
        this.brokers = reader.array(true, 11, |reader| {
            DescribeClusterBroker::decode(reader, version)
        })?;
        this.cluster_authorized_operations = reader.i32()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 2)?;
        out.put_i32(self.throttle_time_ms);
        out.put_i16(self.error_code.code());
        out.put_nullable_string(self.error_message, true)?;
        if version >= 1 {
            out.put_i8(self.endpoint_type);
        } else {
            absent(self.endpoint_type == 1, "EndpointType", version)?;
        }
        out.put_string(self.cluster_id, true)?;
        out.put_i32(self.controller_id.0);
        out.put_array(&self.brokers, true, |out, item| item.encode(out, version))?;
        out.put_i32(self.cluster_authorized_operations);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeClusterBroker<'a> {
    /// Versions 0+.
    pub broker_id: BrokerId,
    /// Versions 0+.
    pub host: &'a str,
    /// Versions 0+.
    pub port: i32,
    /// Versions 0+, nullable 0+.
    pub rack: Option<&'a str>,
    /// Versions 2+.
    pub is_fenced: bool,
}

impl<'a> DescribeClusterBroker<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.broker_id = BrokerId(reader.i32()?);
        this.host = reader.string(true)?;
        this.port = reader.i32()?;
        this.rack = reader.nullable_string(true)?;
        if version >= 2 {
            this.is_fenced = reader.bool()?;
        }
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_i32(self.broker_id.0);
        out.put_string(self.host, true)?;
        out.put_i32(self.port);
        out.put_nullable_string(self.rack, true)?;
        if version >= 2 {
            out.put_bool(self.is_fenced);
        } else {
            absent(!self.is_fenced, "IsFenced", version)?;
        }
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { DescribeClusterResponse<'a>, versions 0..=2, flexible 0 }
