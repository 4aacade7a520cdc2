//! `ConsumerGroupDescribeRequest`, `ConsumerGroupDescribeResponse`.
//!
//! Room:   `protocol`.
//! Source: `schema/api/consumer_group_describe.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupDescribeRequest<'a> {
    /// Versions 0+.
    pub group_ids: Vec<GroupId<'a>>,
    /// Versions 0+.
    pub include_authorized_operations: bool,
}

impl<'a> ConsumerGroupDescribeRequest<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let mut this = Self::default();
        this.group_ids = reader.array(true, 1, |reader| Ok(GroupId(reader.string(true)?)))?;
        this.include_authorized_operations = reader.bool()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 1)?;
        out.put_array(&self.group_ids, true, |out, item| {
            out.put_string(item, true)
        })?;
        out.put_bool(self.include_authorized_operations);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { ConsumerGroupDescribeRequest<'a>, versions 0..=1, flexible 0 }

request! {
    ConsumerGroupDescribe,
    ConsumerGroupDescribeRequest<'a>,
    ConsumerGroupDescribeResponse<'r>
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsumerGroupDescribeResponse<'a> {
    /// Versions 0+.
    pub throttle_time_ms: i32,
    /// Versions 0+.
    pub groups: Vec<DescribedGroup<'a>>,
}

impl<'a> ConsumerGroupDescribeResponse<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 1)?;
        let mut this = Self::default();
        this.throttle_time_ms = reader.i32()?;
        this.groups = reader.array(true, 20, |reader| DescribedGroup::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 1)?;
        out.put_i32(self.throttle_time_ms);
        out.put_array(&self.groups, true, |out, item| item.encode(out, version))?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribedGroup<'a> {
    /// Versions 0+.
    pub error_code: ErrorCode,
    /// Versions 0+, nullable 0+.
    pub error_message: Option<&'a str>,
    /// Versions 0+.
    pub group_id: GroupId<'a>,
    /// Versions 0+.
    pub group_state: &'a str,
    /// Versions 0+.
    pub group_epoch: i32,
    /// Versions 0+.
    pub assignment_epoch: i32,
    /// Versions 0+.
    pub assignor_name: &'a str,
    /// Versions 0+.
    pub members: Vec<Member<'a>>,
    /// Versions 0+.
    pub authorized_operations: i32,
}

impl Default for DescribedGroup<'_> {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            error_message: Default::default(),
            group_id: Default::default(),
            group_state: Default::default(),
            group_epoch: Default::default(),
            assignment_epoch: Default::default(),
            assignor_name: Default::default(),
            members: Default::default(),
            authorized_operations: -2147483648,
        }
    }
}

impl<'a> DescribedGroup<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.error_code = ErrorCode::from_code(reader.i16()?);
        this.error_message = reader.nullable_string(true)?;
        this.group_id = GroupId(reader.string(true)?);
        this.group_state = reader.string(true)?;
        this.group_epoch = reader.i32()?;
        this.assignment_epoch = reader.i32()?;
        this.assignor_name = reader.string(true)?;
        this.members = reader.array(true, 16, |reader| Member::decode(reader, version))?;
        this.authorized_operations = reader.i32()?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_i16(self.error_code.code());
        out.put_nullable_string(self.error_message, true)?;
        out.put_string(self.group_id.0, true)?;
        out.put_string(self.group_state, true)?;
        out.put_i32(self.group_epoch);
        out.put_i32(self.assignment_epoch);
        out.put_string(self.assignor_name, true)?;
        out.put_array(&self.members, true, |out, item| item.encode(out, version))?;
        out.put_i32(self.authorized_operations);
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Member<'a> {
    /// Versions 0+.
    pub member_id: &'a str,
    /// Versions 0+, nullable 0+.
    pub instance_id: Option<&'a str>,
    /// Versions 0+, nullable 0+.
    pub rack_id: Option<&'a str>,
    /// Versions 0+.
    pub member_epoch: i32,
    /// Versions 0+.
    pub client_id: &'a str,
    /// Versions 0+.
    pub client_host: &'a str,
    /// Versions 0+.
    pub subscribed_topic_names: Vec<TopicName<'a>>,
    /// Versions 0+, nullable 0+.
    pub subscribed_topic_regex: Option<&'a str>,
    /// Versions 0+.
    pub assignment: Assignment<'a>,
    /// Versions 0+.
    pub target_assignment: Assignment<'a>,
    /// Versions 1+.
    pub member_type: i8,
}

impl Default for Member<'_> {
    fn default() -> Self {
        Self {
            member_id: Default::default(),
            instance_id: Default::default(),
            rack_id: Default::default(),
            member_epoch: Default::default(),
            client_id: Default::default(),
            client_host: Default::default(),
            subscribed_topic_names: Default::default(),
            subscribed_topic_regex: Default::default(),
            assignment: Default::default(),
            target_assignment: Default::default(),
            member_type: -1,
        }
    }
}

impl<'a> Member<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.member_id = reader.string(true)?;
        this.instance_id = reader.nullable_string(true)?;
        this.rack_id = reader.nullable_string(true)?;
        this.member_epoch = reader.i32()?;
        this.client_id = reader.string(true)?;
        this.client_host = reader.string(true)?;
        this.subscribed_topic_names =
            reader.array(true, 1, |reader| Ok(TopicName(reader.string(true)?)))?;
        this.subscribed_topic_regex = reader.nullable_string(true)?;
        this.assignment = Assignment::decode(reader, version)?;
        this.target_assignment = Assignment::decode(reader, version)?;
        if version >= 1 {
            this.member_type = reader.i8()?;
        }
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_string(self.member_id, true)?;
        out.put_nullable_string(self.instance_id, true)?;
        out.put_nullable_string(self.rack_id, true)?;
        out.put_i32(self.member_epoch);
        out.put_string(self.client_id, true)?;
        out.put_string(self.client_host, true)?;
        out.put_array(&self.subscribed_topic_names, true, |out, item| {
            out.put_string(item, true)
        })?;
        out.put_nullable_string(self.subscribed_topic_regex, true)?;
        self.assignment.encode(out, version)?;
        self.target_assignment.encode(out, version)?;
        if version >= 1 {
            out.put_i8(self.member_type);
        }
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicPartitions<'a> {
    /// Versions 0+.
    pub topic_id: Uuid,
    /// Versions 0+.
    pub topic_name: TopicName<'a>,
    /// Versions 0+.
    pub partitions: Vec<i32>,
}

impl<'a> TopicPartitions<'a> {
    pub fn decode(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.topic_id = reader.uuid()?;
        this.topic_name = TopicName(reader.string(true)?);
        this.partitions = reader.array(true, 4, Reader::i32)?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, _version: i16) -> Result<(), EncodeError> {
        out.put_uuid(self.topic_id);
        out.put_string(self.topic_name.0, true)?;
        out.put_array(&self.partitions, true, |out, item| {
            out.put_i32(*item);
            Ok(())
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Assignment<'a> {
    /// Versions 0+.
    pub topic_partitions: Vec<TopicPartitions<'a>>,
}

impl<'a> Assignment<'a> {
    pub fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.topic_partitions =
            reader.array(true, 19, |reader| TopicPartitions::decode(reader, version))?;
        reader.skip_tags()?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        out.put_array(&self.topic_partitions, true, |out, item| {
            item.encode(out, version)
        })?;
        out.put_unsigned_varint(0);
        Ok(())
    }
}

message! { ConsumerGroupDescribeResponse<'a>, versions 0..=1, flexible 0 }
