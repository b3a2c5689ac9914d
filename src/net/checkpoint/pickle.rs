//! What does a pickle describe, if nothing in it may run?
//!
//! A pickle is a program for a machine that makes values. This one knows the instructions that
//! protocol 2, in which PyTorch writes, needs for a state dict, and the handful of names to which a
//! state dict refers ([`named`](super::global::named)); any other is refused. No instruction makes more
//! than one value, and all that are popped were pushed, so that memory is bounded by the pickle's
//! length.

use super::global::{self, Made};
use super::object::{Id, Object};
use std::collections::BTreeMap;

/// The longest pickle that is read. That of a network with a thousand layers is a fifth of it.
pub(super) const LONGEST: usize = 4 << 20;

/// What a pickle describes.
#[derive(Debug)]
pub(super) struct Pickle<'a> {
    /// Every value that was made on the way.
    pub(super) values: Vec<Object<'a>>,
    /// The one that was left.
    pub(super) root: Id,
    /// Bytes up to and with the pickle's end; others may follow.
    pub(super) length: usize,
}

impl<'a> Pickle<'a> {
    /// Runs the pickle at the start of `bytes`.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Pickle<'a>, String> {
        let bytes = &bytes[..bytes.len().min(LONGEST)];
        let mut machine = Machine {
            bytes,
            at: 0,
            values: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: BTreeMap::new(),
            copies: 0,
        };
        let root = machine
            .run()
            .map_err(|what| format!("byte {} of its pickle: {what}", machine.at))?;
        Ok(Pickle {
            values: machine.values,
            root,
            length: machine.at,
        })
    }

    pub(super) fn value(&self, id: Id) -> &Object<'a> {
        &self.values[id as usize]
    }

    pub(super) fn root(&self) -> &Object<'a> {
        self.value(self.root)
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    values: Vec<Object<'a>>,
    stack: Vec<Id>,
    /// Heights of the stack at which something was begun.
    marks: Vec<usize>,
    memo: BTreeMap<u32, Id>,
    /// Entries that were copied rather than moved.
    copies: usize,
}

impl<'a> Machine<'a> {
    fn run(&mut self) -> Result<Id, String> {
        loop {
            match self.byte()? {
                0x80 => match self.byte()? {
                    2 | 3 => {}
                    other => {
                        return Err(format!("has protocol {other}; PyTorch writes protocol 2"));
                    }
                },
                b'.' => return self.pop(),
                b'N' => self.push(Object::Other),
                b'G' => {
                    self.take(8)?;
                    self.push(Object::Other);
                }
                0x88 => self.push(Object::Bool(true)),
                0x89 => self.push(Object::Bool(false)),
                b'K' => {
                    let n = self.byte()?;
                    self.push(Object::Int(n.into()));
                }
                b'M' => {
                    let n = self.number(2)?;
                    self.push(Object::Int(n));
                }
                b'J' => {
                    let n = self.number(4)? as i32; // the low half, with its sign
                    self.push(Object::Int(n.into()));
                }
                0x8a => {
                    let length = self.byte()?.into();
                    let n = self.signed(length)?;
                    self.push(Object::Int(n));
                }
                b'X' | b'T' => {
                    let length = self.number(4)? as usize;
                    self.text(length)?;
                }
                b'U' => {
                    let length = self.byte()?.into();
                    self.text(length)?;
                }
                b'c' => {
                    let (module, name) = (self.line()?, self.line()?);
                    let global = global::named(module, name)?;
                    self.push(Object::Global(global));
                }
                b'(' => self.marks.push(self.stack.len()),
                b')' => self.push(Object::Tuple(Vec::new())),
                b'}' => self.push(Object::Dict(Vec::new())),
                b']' => self.push(Object::List(Vec::new())),
                b't' => {
                    let items = self.pop_to_mark()?;
                    self.push(Object::Tuple(items));
                }
                op @ 0x85..=0x87 => {
                    let mut items: Vec<Id> =
                        (0x84..op).map(|_| self.pop()).collect::<Result<_, _>>()?;
                    items.reverse();
                    self.push(Object::Tuple(items));
                }
                b'a' => {
                    let item = self.pop()?;
                    self.append(&[item])?;
                }
                b'e' => {
                    let items = self.pop_to_mark()?;
                    self.append(&items)?;
                }
                b's' => {
                    let (value, key) = (self.pop()?, self.pop()?);
                    self.set(&[key, value])?;
                }
                b'u' => {
                    let items = self.pop_to_mark()?;
                    self.set(&items)?;
                }
                b'q' => {
                    let slot = self.byte()?.into();
                    self.memo.insert(slot, self.top()?);
                }
                b'r' => {
                    let slot = self.number(4)? as u32;
                    self.memo.insert(slot, self.top()?);
                }
                b'h' => {
                    let slot = self.byte()?.into();
                    self.recall(slot)?;
                }
                b'j' => {
                    let slot = self.number(4)? as u32;
                    self.recall(slot)?;
                }
                b'Q' => {
                    let id = self.pop()?;
                    let storage = global::storage(&self.values, id)?;
                    self.push(Object::Storage(storage));
                }
                b'R' => {
                    let (arguments, callee) = (self.pop()?, self.pop()?);
                    self.call(callee, arguments)?;
                }
                b'b' => {
                    // attributes beside a state dict's entries, such as its `_metadata`
                    self.pop()?;
                    let target = self.top()?;
                    if !matches!(self.values[target as usize], Object::Dict(_)) {
                        return Err("sets the state of something that is no dict".into());
                    }
                }
                other => {
                    return Err(format!(
                        "instruction {other:#04x} is none that a state dict needs"
                    ));
                }
            }
        }
    }

    fn call(&mut self, callee: Id, arguments: Id) -> Result<(), String> {
        let (Object::Global(callee), Object::Tuple(arguments)) = (
            &self.values[callee as usize],
            &self.values[arguments as usize],
        ) else {
            return Err("calls what is no function".into());
        };
        match global::call(*callee, &self.values, arguments)? {
            Made::New(value) => {
                if let Object::Dict(entries) = &value {
                    // a pickle that copies more entries than it has bytes copies one list many times
                    self.copies += entries.len();
                    if self.copies > self.bytes.len() {
                        return Err("copies the same entries over and over".into());
                    }
                }
                self.push(value);
            }
            Made::Known(id) => self.stack.push(id),
        }
        Ok(())
    }

    fn push(&mut self, value: Object<'a>) {
        // a pickle is shorter than u32 can count
        self.stack.push(self.values.len() as Id);
        self.values.push(value);
    }

    /// The lowest height to which the stack may be popped.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<Id, String> {
        match self.stack.last() {
            Some(&id) if self.stack.len() > self.floor() => Ok(id),
            _ => Err("takes from an empty stack".into()),
        }
    }

    fn pop(&mut self) -> Result<Id, String> {
        let id = self.top()?;
        self.stack.pop();
        Ok(id)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>, String> {
        let mark = self.marks.pop().ok_or("ends what was not begun")?;
        Ok(self.stack.split_off(mark))
    }

    fn recall(&mut self, slot: u32) -> Result<(), String> {
        let id = self.memo.get(&slot);
        self.stack
            .push(*id.ok_or("recalls what was not remembered")?);
        Ok(())
    }

    fn append(&mut self, items: &[Id]) -> Result<(), String> {
        let target = self.top()? as usize;
        match &mut self.values[target] {
            Object::List(list) => list.extend_from_slice(items),
            other => return Err(format!("appends to {}", other.kind())),
        }
        Ok(())
    }

    fn set(&mut self, items: &[Id]) -> Result<(), String> {
        let target = self.top()? as usize;
        match &mut self.values[target] {
            Object::Dict(_) if !items.len().is_multiple_of(2) => {
                return Err("has a key without a value".into());
            }
            Object::Dict(dict) => dict.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1]))),
            other => return Err(format!("sets an entry of {}", other.kind())),
        }
        Ok(())
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let rest = &self.bytes[self.at..];
        let taken = rest.get(..length).ok_or_else(|| {
            format!(
                "needs {length} bytes more where {} are left (a pickle may have {LONGEST})",
                rest.len()
            )
        })?;
        self.at += length;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, String> {
        Ok(self.take(1)?[0])
    }

    /// A number without a sign, of at most seven bytes.
    fn number(&mut self, length: usize) -> Result<i64, String> {
        let bytes = self.take(length)?;
        Ok((bytes.iter().rev()).fold(0, |n, &byte| n << 8 | i64::from(byte)))
    }

    /// A number with a sign.
    fn signed(&mut self, length: usize) -> Result<i64, String> {
        if length > 8 {
            return Err(format!("has a number of {length} bytes; 8 are read"));
        }
        let bytes = self.take(length)?;
        let filler = match bytes.last() {
            Some(&last) if last >= 0x80 => 0xff,
            _ => 0,
        };
        let mut wide = [filler; 8];
        wide[..length].copy_from_slice(bytes);
        Ok(i64::from_le_bytes(wide))
    }

    fn text(&mut self, length: usize) -> Result<(), String> {
        let bytes = self.take(length)?;
        let text = std::str::from_utf8(bytes).map_err(|_| "has a text that is not UTF-8")?;
        self.push(Object::Text(text));
        Ok(())
    }

    fn line(&mut self) -> Result<&'a str, String> {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|&byte| byte == b'\n');
        let line = self.take(length.ok_or("has a name without an end")?)?;
        self.at += 1;
        std::str::from_utf8(line).map_err(|_| "has a name that is not UTF-8".into())
    }
}
