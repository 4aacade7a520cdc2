//! `PartitionChangeRecord`.
//!
//! Room:   `protocol`.
//! Source: `schema/records/metadata.txt`, by `protocol/generator`.
//! Never:  edited by hand.

use crate::codec::*;

#[derive(Clone, Debug, PartialEq)]
pub struct PartitionChangeRecord {
    /// Versions 0+.
    pub partition_id: i32,
    /// Versions 0+.
    pub topic_id: Uuid,
    /// Versions 0+, nullable 0+, tag 0.
    pub isr: Option<Vec<BrokerId>>,
    /// Versions 0+, tag 1.
    pub leader: BrokerId,
    /// Versions 0+, nullable 0+, tag 2.
    pub replicas: Option<Vec<BrokerId>>,
    /// Versions 0+, nullable 0+, tag 3.
    pub removing_replicas: Option<Vec<BrokerId>>,
    /// Versions 0+, nullable 0+, tag 4.
    pub adding_replicas: Option<Vec<BrokerId>>,
    /// Versions 0+, tag 5.
    pub leader_recovery_state: i8,
    /// Versions 1+, nullable 1+, tag 8.
    pub directories: Option<Vec<Uuid>>,
    /// Versions 2+, nullable 2+, tag 6.
    pub eligible_leader_replicas: Option<Vec<BrokerId>>,
    /// Versions 2+, nullable 2+, tag 7.
    pub last_known_elr: Option<Vec<BrokerId>>,
}

impl Default for PartitionChangeRecord {
    fn default() -> Self {
        Self {
            partition_id: -1,
            topic_id: Default::default(),
            isr: Default::default(),
            leader: BrokerId(-2),
            replicas: Default::default(),
            removing_replicas: Default::default(),
            adding_replicas: Default::default(),
            leader_recovery_state: -1,
            directories: Default::default(),
            eligible_leader_replicas: Default::default(),
            last_known_elr: Default::default(),
        }
    }
}

impl PartitionChangeRecord {
    pub fn decode(reader: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError> {
        check_decode(version, 0, 2)?;
        let mut this = Self::default();
        this.partition_id = reader.i32()?;
        this.topic_id = reader.uuid()?;
        reader.tags(|reader, tag| {
            match tag {
                0 => {
                    this.isr =
                        reader.nullable_array(true, 4, |reader| Ok(BrokerId(reader.i32()?)))?
                }
                1 => this.leader = BrokerId(reader.i32()?),
                2 => {
                    this.replicas =
                        reader.nullable_array(true, 4, |reader| Ok(BrokerId(reader.i32()?)))?
                }
                3 => {
                    this.removing_replicas =
                        reader.nullable_array(true, 4, |reader| Ok(BrokerId(reader.i32()?)))?
                }
                4 => {
                    this.adding_replicas =
                        reader.nullable_array(true, 4, |reader| Ok(BrokerId(reader.i32()?)))?
                }
                5 => this.leader_recovery_state = reader.i8()?,
                6 if version >= 2 => {
                    this.eligible_leader_replicas =
                        reader.nullable_array(true, 4, |reader| Ok(BrokerId(reader.i32()?)))?
                }
                7 if version >= 2 => {
                    this.last_known_elr =
                        reader.nullable_array(true, 4, |reader| Ok(BrokerId(reader.i32()?)))?
                }
                8 if version >= 1 => {
                    this.directories = reader.nullable_array(true, 16, Reader::uuid)?
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(this)
    }

    pub fn encode(&self, out: &mut Vec<u8>, version: i16) -> Result<(), EncodeError> {
        check_encode(version, 0, 2)?;
        out.put_i32(self.partition_id);
        out.put_uuid(self.topic_id);
        let has_isr = self.isr.is_some();
        let has_leader = self.leader != BrokerId(-2);
        let has_replicas = self.replicas.is_some();
        let has_removing_replicas = self.removing_replicas.is_some();
        let has_adding_replicas = self.adding_replicas.is_some();
        let has_leader_recovery_state = self.leader_recovery_state != -1;
        let has_eligible_leader_replicas = version >= 2 && self.eligible_leader_replicas.is_some();
        let has_last_known_elr = version >= 2 && self.last_known_elr.is_some();
        let has_directories = version >= 1 && self.directories.is_some();
        out.put_unsigned_varint(
            u32::from(has_isr)
                + u32::from(has_leader)
                + u32::from(has_replicas)
                + u32::from(has_removing_replicas)
                + u32::from(has_adding_replicas)
                + u32::from(has_leader_recovery_state)
                + u32::from(has_eligible_leader_replicas)
                + u32::from(has_last_known_elr)
                + u32::from(has_directories),
        );
        if has_isr {
            out.put_tag(0, |out| {
                out.put_nullable_array(self.isr.as_deref(), true, |out, item| {
                    out.put_i32(item.0);
                    Ok(())
                })
            })?;
        }
        if has_leader {
            out.put_tag(1, |out| {
                out.put_i32(self.leader.0);
                Ok(())
            })?;
        }
        if has_replicas {
            out.put_tag(2, |out| {
                out.put_nullable_array(self.replicas.as_deref(), true, |out, item| {
                    out.put_i32(item.0);
                    Ok(())
                })
            })?;
        }
        if has_removing_replicas {
            out.put_tag(3, |out| {
                out.put_nullable_array(self.removing_replicas.as_deref(), true, |out, item| {
                    out.put_i32(item.0);
                    Ok(())
                })
            })?;
        }
        if has_adding_replicas {
            out.put_tag(4, |out| {
                out.put_nullable_array(self.adding_replicas.as_deref(), true, |out, item| {
                    out.put_i32(item.0);
                    Ok(())
                })
            })?;
        }
        if has_leader_recovery_state {
            out.put_tag(5, |out| {
                out.put_i8(self.leader_recovery_state);
                Ok(())
            })?;
        }
        if has_eligible_leader_replicas {
            out.put_tag(6, |out| {
                out.put_nullable_array(
                    self.eligible_leader_replicas.as_deref(),
                    true,
                    |out, item| {
                        out.put_i32(item.0);
                        Ok(())
                    },
                )
            })?;
        }
        if has_last_known_elr {
            out.put_tag(7, |out| {
                out.put_nullable_array(self.last_known_elr.as_deref(), true, |out, item| {
                    out.put_i32(item.0);
                    Ok(())
                })
            })?;
        }
        if has_directories {
            out.put_tag(8, |out| {
                out.put_nullable_array(self.directories.as_deref(), true, |out, item| {
                    out.put_uuid(*item);
                    Ok(())
                })
            })?;
        }
        if version < 2 {
            absent(
                self.eligible_leader_replicas.is_none(),
                "EligibleLeaderReplicas",
                version,
            )?;
        }
        if version < 2 {
            absent(self.last_known_elr.is_none(), "LastKnownElr", version)?;
        }
        if version < 1 {
            absent(self.directories.is_none(), "Directories", version)?;
        }
        Ok(())
    }
}

message! { PartitionChangeRecord, versions 0..=2, flexible 0 }
