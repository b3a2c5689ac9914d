//! Is a file what the format's reader may be given?
//!
//! The reader of `rten-onnx` takes a message's end for granted, and descends as deep as the file says. This looks at the lengths
//! first: each part ends within what it is a part of, none stands too deep, and they are not too many.

use rten_onnx::protobuf::{ErrorKind, OwnedValues, ProtobufError, ReadValue};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

/// Messages within each other: a graph in an attribute of a node of a graph is three more.
const DEEPEST: usize = 48;
/// Messages of a file: nodes, their attributes, tensors, dimensions.
const MOST: usize = 1_000_000;

/// Messages that are read, as their fields tell them apart.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    ValueInfo,
    Type,
    TensorType,
    Sequence,
    Shape,
    /// One without messages in it.
    Leaf,
}

/// What a field with a length is.
enum Part {
    Message(Message),
    /// Numbers of so many bytes each.
    Fixed(u64),
    /// Numbers of whatever length, one after the other.
    Varints,
    Bytes,
}

impl Message {
    fn part(self, field: u64) -> Part {
        use Message::{
            Attribute, Graph, Leaf, Model, Node, Sequence, Shape, Tensor, TensorType, Type,
            ValueInfo,
        };
        let message = match (self, field) {
            (Model, 7) | (Attribute, 6) => Graph,
            (Model, 8 | 14) | (Tensor, 13) | (Shape, 1) => Leaf,
            (Graph, 1) => Node,
            (Graph, 5) | (Attribute, 5) => Tensor,
            (Graph, 11..=13) => ValueInfo,
            (Node, 5) => Attribute,
            (ValueInfo, 2) | (Sequence, 1) => Type,
            (Type, 1) => TensorType,
            (Type, 4) => Sequence,
            (TensorType, 2) => Shape,
            (Tensor, 4) => return Part::Fixed(4),
            (Tensor, 10) => return Part::Fixed(8),
            (Tensor, 5 | 7) => return Part::Varints,
            _ => return Part::Bytes,
        };
        Part::Message(message)
    }
}

/// A file that is read from its start, as far as it goes.
///
/// Of bytes it hands out the place instead ([`Place`]): a structure is read without its weights.
pub(super) struct Bounded {
    file: BufReader<File>,
    at: u64,
    end: u64,
}

/// Where bytes stand in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub at: u64,
    pub length: u64,
}

impl Place {
    fn to_bytes(self) -> Vec<u8> {
        [self.at.to_le_bytes(), self.length.to_le_bytes()].concat()
    }

    /// As [`Bounded`] has written it.
    pub fn of(bytes: &[u8]) -> Option<Place> {
        let (at, length) = bytes.split_at_checked(8)?;
        Some(Place {
            at: u64::from_le_bytes(at.try_into().ok()?),
            length: u64::from_le_bytes(length.try_into().ok()?),
        })
    }
}

impl Bounded {
    pub fn new(mut file: File) -> io::Result<Bounded> {
        let end = file.seek(SeekFrom::End(0))?;
        file.rewind()?;
        Ok(Bounded {
            file: BufReader::new(file),
            at: 0,
            end,
        })
    }

    /// Looks at all lengths.
    ///
    /// # Errors
    /// Where the file is cut or damaged, in a line.
    pub fn check(&mut self) -> Result<(), String> {
        let mut open = vec![(Message::Model, self.end)];
        let (mut count, mut has_graph) = (0, false);
        while let Some(&(message, end)) = open.last() {
            if self.at == end {
                open.pop();
                continue;
            }
            let start = self.at;
            let damaged = |what: &str| format!("is cut or damaged at byte {start}: {what}");
            let tag = self.varint(end).ok_or_else(|| damaged("no field"))?;
            let (field, form) = (tag >> 3, tag & 7);
            let length = match form {
                0 => self.varint(end).map(|_| 0),
                1 => Some(8),
                2 => self.varint(end),
                5 => Some(4),
                _ => None,
            };
            let length = length.ok_or_else(|| damaged("no field of a known form"))?;
            let inner = (self.at.checked_add(length)).filter(|&inner| inner <= end);
            let inner = inner.ok_or_else(|| {
                damaged(&format!(
                    "a part of {length} bytes reaches beyond the whole"
                ))
            })?;
            match message.part(field) {
                Part::Message(message) if form == 2 => {
                    has_graph |= open.len() == 1 && matches!(message, Message::Graph);
                    count += 1;
                    if count > MOST || open.len() >= DEEPEST {
                        return Err(format!(
                            "has more than {MOST} parts, or parts deeper than {DEEPEST} within each other (at byte {start}), as no network has"
                        ));
                    }
                    open.push((message, inner));
                }
                Part::Fixed(width) if form == 2 && !length.is_multiple_of(width) => {
                    return Err(damaged("numbers of half a length"));
                }
                Part::Varints if form == 2 && length > 0 => {
                    self.forward(length - 1)
                        .map_err(|error| error.to_string())?;
                    if self.byte().is_none_or(|byte| byte >= 0x80) {
                        return Err(damaged("a number that does not end"));
                    }
                }
                _ => self.forward(length).map_err(|error| error.to_string())?,
            }
        }
        if !has_graph {
            return Err("has no graph, as an ONNX file has".into());
        }
        self.file.rewind().map_err(|error| error.to_string())?;
        self.at = 0;
        Ok(())
    }

    fn byte(&mut self) -> Option<u8> {
        let mut byte = [0];
        self.file.read_exact(&mut byte).ok()?;
        self.at += 1;
        Some(byte[0])
    }

    /// A number that ends before `end`.
    fn varint(&mut self, end: u64) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            if self.at >= end {
                return None;
            }
            let byte = self.byte()?;
            if shift == 63 && byte > 1 {
                return None;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn forward(&mut self, length: u64) -> io::Result<()> {
        self.at += length;
        let length = i64::try_from(length).map_err(io::Error::other)?;
        self.file.seek_relative(length)
    }

    /// So many bytes more, if there are as many.
    fn within(&self, length: usize) -> io::Result<u64> {
        let left = self.end.saturating_sub(self.at);
        match u64::try_from(length) {
            Ok(length) if length <= left => Ok(length),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn exact(&mut self, length: usize) -> io::Result<Vec<u8>> {
        self.within(length)?;
        let mut bytes = vec![0; length];
        self.file.read_exact(&mut bytes)?;
        self.at += length as u64;
        Ok(bytes)
    }
}

impl ReadValue for Bounded {
    type Types = OwnedValues;

    fn read_i32(&mut self) -> Result<i32, ProtobufError> {
        let mut bytes = [0; 4];
        self.file.read_exact(&mut bytes)?;
        self.at += 4;
        Ok(i32::from_le_bytes(bytes))
    }

    fn read_i64(&mut self) -> Result<i64, ProtobufError> {
        let mut bytes = [0; 8];
        self.file.read_exact(&mut bytes)?;
        self.at += 8;
        Ok(i64::from_le_bytes(bytes))
    }

    fn read_varint(&mut self) -> Result<u64, ProtobufError> {
        if self.at >= self.end {
            // the end of the message of all
            return Err(ProtobufError::new(ErrorKind::Eof));
        }
        self.varint(self.end)
            .ok_or_else(|| ProtobufError::new(ErrorKind::InvalidVarint))
    }

    fn read_bytes(&mut self, length: usize) -> Result<Vec<u8>, ProtobufError> {
        let length = self.within(length)?;
        let place = Place {
            at: self.at,
            length,
        };
        self.forward(length)?;
        Ok(place.to_bytes())
    }

    fn read_string(&mut self, length: usize) -> Result<String, ProtobufError> {
        // a text that is none is shown, and compared, as what it is like
        Ok(String::from_utf8_lossy(&self.exact(length)?).into_owned())
    }

    fn skip(&mut self, length: usize) -> Result<(), ProtobufError> {
        let length = self.within(length)?;
        Ok(self.forward(length)?)
    }

    fn position(&self) -> u64 {
        self.at
    }
}
