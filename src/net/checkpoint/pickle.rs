//! What does a pickle describe, if nothing in it may run?
//!
//! A pickle is a program for a machine that makes values. This one knows the instructions of every
//! protocol, 0 to 5, and the handful of names to which a state dict refers
//! ([`named`](super::global::named)). What any other name would make is a value of which no more is known
//! than that name; whatever belongs to it is read past. No instruction makes more than three values, and all
//! that are popped were pushed, so that memory is bounded by the number of instructions.

use super::global::{self, Made};
use super::literal::{Reader, literal};
use super::object::{Global, Id, Object, Storage, kind};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The most instructions that are followed. A network with a thousand layers has a fiftieth of it.
pub(super) const MOST: usize = 4 << 20;

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
    /// Runs the pickle at the start of `bytes`, which may have as many instructions as its file has bytes.
    pub(super) fn read(bytes: &'a [u8], file: usize) -> Result<Pickle<'a>, String> {
        let mut machine = Machine {
            reader: Reader { bytes, at: 0 },
            most: file.min(MOST),
            values: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: BTreeMap::new(),
            copies: 0,
        };
        let root = machine
            .run()
            .map_err(|what| format!("byte {} of its pickle: {what}", machine.reader.at))?;
        Ok(Pickle {
            values: machine.values,
            root,
            length: machine.reader.at,
        })
    }

    pub(super) fn value(&self, id: Id) -> &Object<'a> {
        &self.values[id as usize]
    }

    pub(super) fn root(&self) -> &Object<'a> {
        self.value(self.root)
    }

    /// What the value of that number is, for a message.
    pub(super) fn kind(&self, id: Id) -> String {
        kind(&self.values, id)
    }
}

struct Machine<'a> {
    reader: Reader<'a>,
    /// The most instructions, and the most entries that are copied rather than moved.
    most: usize,
    values: Vec<Object<'a>>,
    stack: Vec<Id>,
    /// Heights of the stack at which something was begun.
    marks: Vec<usize>,
    memo: BTreeMap<u32, Id>,
    copies: usize,
}

impl<'a> Machine<'a> {
    fn run(&mut self) -> Result<Id, String> {
        for _ in 0..self.most {
            let op = self.reader.byte()?;
            if op == b'.' {
                return self.pop();
            }
            match literal(op, &mut self.reader)? {
                Some(value) => self.push(value),
                None => self.follow(op)?,
            }
        }
        Err(match self.most {
            MOST => format!("has more than {MOST} instructions"),
            most => format!("has more instructions than its file has bytes ({most})"),
        })
    }

    /// One instruction that is no value.
    fn follow(&mut self, op: u8) -> Result<(), String> {
        match op {
            0x80 => match self.reader.byte()? {
                0..=5 => {}
                other => return Err(format!("has protocol {other}; 0 to 5 are known")),
            },
            // a frame tells how much to read at once
            0x95 => self.reader.take(8).map(drop)?,
            b'c' => {
                let (module, name) = (self.word()?, self.word()?);
                self.global(module, name)?;
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                self.global(module, name)?;
            }
            b'(' => self.marks.push(self.stack.len()),
            b'0' => match self.stack.len() > self.floor() {
                true => self.pop().map(drop)?,
                false => self.pop_to_mark().map(drop)?,
            },
            b'1' => self.pop_to_mark().map(drop)?,
            b'2' => self.stack.push(self.top()?),
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
            b'l' => {
                let items = self.pop_to_mark()?;
                self.push(Object::List(items));
            }
            b'd' => {
                let items = self.pop_to_mark()?;
                self.push(Object::Dict(Vec::new()));
                self.set(&items)?;
            }
            0x91 => {
                self.pop_to_mark()?;
                self.push(Object::Other("a set"));
            }
            0x90 => self.pop_to_mark().and_then(|_| self.top()).map(drop)?,
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
            b'q' | b'r' | b'p' | 0x94 => {
                let slot = match op {
                    0x94 => self.memo.len() as u32, // there are fewer than instructions
                    _ => self.slot(op == b'p', op == b'q')?,
                };
                self.memo.insert(slot, self.top()?);
            }
            b'h' | b'j' | b'g' => {
                let slot = self.slot(op == b'g', op == b'h')?;
                let id = self.memo.get(&slot);
                self.stack
                    .push(*id.ok_or("recalls what was not remembered")?);
            }
            b'Q' => {
                let id = self.pop()?;
                let made = global::outside(&self.values, id)?;
                self.made(made)?;
            }
            b'P' => self.persistent()?,
            b'R' => {
                let (arguments, callee) = (self.pop()?, self.pop()?);
                self.call(callee, arguments)?;
            }
            // a class's `__new__`, by its arguments, and by those with names too
            0x81 => {
                let (_, class) = (self.pop()?, self.pop()?);
                self.object(class)?;
            }
            0x92 => {
                let (_, _, class) = (self.pop()?, self.pop()?, self.pop()?);
                self.object(class)?;
            }
            b'i' => {
                let (module, name) = (self.word()?, self.word()?);
                self.pop_to_mark()?;
                self.global(module, name)?;
                let class = self.pop()?;
                self.object(class)?;
            }
            b'o' => {
                let items = self.pop_to_mark()?;
                self.object(*items.first().ok_or("makes an object without a class")?)?;
            }
            b'b' => {
                // attributes beside a state dict's entries, such as its `_metadata`
                self.pop()?;
                let target = self.top()?;
                if !matches!(
                    self.values[target as usize],
                    Object::Dict(_) | Object::Foreign(_) | Object::Other(_)
                ) {
                    let kind = kind(&self.values, target);
                    return Err(format!("sets the state of {kind}"));
                }
            }
            0x82..=0x84 => {
                return Err("names a class by a number of the machine that wrote it".into());
            }
            0x97 | 0x98 => return Err("keeps bytes outside of itself".into()),
            other => {
                return Err(format!(
                    "instruction {other:#04x} is none that pickles have"
                ));
            }
        }
        Ok(())
    }

    /// The number under which a value is remembered: a line, a byte or four.
    fn slot(&mut self, line: bool, short: bool) -> Result<u32, String> {
        match (line, short) {
            (true, _) => self.reader.decimal(),
            (false, true) => self.reader.byte().map(u32::from),
            (false, false) => self.reader.number(4).map(|slot| slot as u32), // four bytes
        }
    }

    /// A line as a text that is not on the stack.
    fn word(&mut self) -> Result<Id, String> {
        let line = std::str::from_utf8(self.reader.line()?);
        let line = line.map_err(|_| "has a name that is not UTF-8")?;
        Ok(self.keep(Object::Text(Cow::Borrowed(line))))
    }

    /// Pushes what a name stands for.
    fn global(&mut self, module: Id, name: Id) -> Result<(), String> {
        let (Object::Text(of), Object::Text(word)) =
            (&self.values[module as usize], &self.values[name as usize])
        else {
            return Err("names a class by what is no text".into());
        };
        let global = global::named(of, word).unwrap_or(Global::Class(module, name));
        self.push(Object::Global(global));
        Ok(())
    }

    /// Pushes an object of that class.
    fn object(&mut self, class: Id) -> Result<(), String> {
        let made = match self.values[class as usize] {
            Object::Global(Global::Dict) => Object::Dict(Vec::new()),
            Object::Global(_) | Object::Foreign(_) => Object::Foreign(class),
            _ => return Err("makes an object of what is no class".into()),
        };
        self.push(made);
        Ok(())
    }

    /// Pushes the storage that a line names, as protocol 0 does.
    fn persistent(&mut self) -> Result<(), String> {
        let line = std::str::from_utf8(self.reader.line()?).unwrap_or_default();
        let Some((numbers, key, count)) = global::written_out(line) else {
            return Err("refers to something outside that is no storage".into());
        };
        let key = self.keep(Object::Text(Cow::Borrowed(key)));
        self.push(Object::Storage(Storage {
            numbers,
            key,
            count,
            start: 0,
        }));
        Ok(())
    }

    fn call(&mut self, callee: Id, arguments: Id) -> Result<(), String> {
        let Object::Tuple(arguments) = &self.values[arguments as usize] else {
            return Err("calls a function without a tuple of arguments".into());
        };
        let made = match self.values[callee as usize] {
            Object::Global(global) => global::call(&self.values, callee, global, arguments)?,
            Object::Foreign(class) => Made::New(Object::Foreign(class)),
            _ => return Err("calls what is no function".into()),
        };
        self.made(made)
    }

    fn made(&mut self, made: Made<'a>) -> Result<(), String> {
        match made {
            Made::New(value) => {
                if let Object::Dict(entries) = &value {
                    // a pickle that copies more entries than it has bytes copies one list many times
                    self.copies += entries.len();
                    if self.copies > self.most {
                        return Err("copies the same entries over and over".into());
                    }
                }
                self.push(value);
            }
            Made::Known(id) => self.stack.push(id),
        }
        Ok(())
    }

    /// Adds a value to those that were made.
    fn keep(&mut self, value: Object<'a>) -> Id {
        self.values.push(value);
        (self.values.len() - 1) as Id // there are at most three an instruction
    }

    fn push(&mut self, value: Object<'a>) {
        let id = self.keep(value);
        self.stack.push(id);
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

    fn append(&mut self, items: &[Id]) -> Result<(), String> {
        let target = self.top()?;
        match &mut self.values[target as usize] {
            Object::List(list) => list.extend_from_slice(items),
            Object::Foreign(_) | Object::Other(_) => {}
            _ => return Err(format!("appends to {}", kind(&self.values, target))),
        }
        Ok(())
    }

    fn set(&mut self, items: &[Id]) -> Result<(), String> {
        let target = self.top()?;
        if !items.len().is_multiple_of(2) {
            return Err("has a key without a value".into());
        }
        let pairs = items.chunks_exact(2).map(|pair| (pair[0], pair[1]));
        match &mut self.values[target as usize] {
            Object::Dict(dict) => dict.extend(pairs),
            // an object that has entries is a kind of dict
            object @ Object::Foreign(_) => *object = Object::Dict(pairs.collect()),
            _ => return Err(format!("sets an entry of {}", kind(&self.values, target))),
        }
        Ok(())
    }
}
