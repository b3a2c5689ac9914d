//! What may have happened to a file on its way, or in the hands of somebody who wants to see what gives?

use convcheck::random::Key;

/// Numbers that come one after the other.
pub struct Draw {
    key: Key,
    at: u64,
}

impl Draw {
    pub fn new(key: Key) -> Draw {
        Draw { key, at: 0 }
    }

    /// One of `0..n`; 0 if there is none.
    pub fn below(&mut self, n: usize) -> usize {
        self.at += 1;
        (self.key.bits(self.at) % n.max(1) as u64) as usize
    }

    fn of<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }
}

/// What stands in texts, and what should not.
const WORDS: [&str; 56] = [
    "\0",
    "\u{1b}[2K\u{1b}[1A",
    "\u{202e}",
    "\u{feff}",
    "\u{ffff}",
    "\r",
    "\u{85}",
    "\u{9b}31m",
    "\n",
    "\n\n[[claim]]\n",
    "\"",
    "'",
    "\"\"\"",
    "\\",
    "\\u0000",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    ",",
    "=",
    ".",
    "../",
    "/",
    "~",
    "#",
    "@",
    "*",
    "+",
    "-",
    " ? ",
    ":",
    "%",
    "<script>",
    "]]>",
    "nan",
    "inf",
    "-inf",
    "true",
    "null",
    "-1",
    "0",
    "1e309",
    "1e-400",
    "99999999999999999999",
    "9223372036854775807",
    "-9223372036854775808",
    "4294967296",
    "0x7f",
    "1_0",
    "size",
    "map",
    "all",
    "params",
];
const NUMBERS: [u64; 12] = [
    0,
    1,
    2,
    0x7f,
    0xff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    1 << 40,
    i64::MAX as u64,
    u64::MAX,
];

/// One to four faults, in a file that may continue as another of its kind does.
pub fn mutated(bytes: &[u8], other: &[u8], is_text: bool, draw: &mut Draw) -> Vec<u8> {
    let mut file = bytes.to_vec();
    for _ in 0..=draw.below(4) {
        if file.is_empty() {
            break;
        }
        match is_text && draw.below(3) > 0 {
            true => text(&mut file, draw),
            false => binary(&mut file, other, draw),
        }
    }
    file
}

fn span(file: &[u8], most: usize, draw: &mut Draw) -> std::ops::Range<usize> {
    let at = draw.below(file.len());
    at..(at + 1 + draw.below(most)).min(file.len())
}

fn binary(file: &mut Vec<u8>, other: &[u8], draw: &mut Draw) {
    let at = draw.below(file.len());
    match draw.below(9) {
        0 => file[at] ^= 1 << draw.below(8),
        1 => file[at] = draw.below(256) as u8,
        2 => file.truncate(at),
        3 => {
            let run = span(file, 200, draw);
            let run = file[run].to_vec();
            file.splice(at..at, run);
        }
        4 => drop(file.drain(span(file, 100, draw))),
        5 => {
            file.truncate(at);
            file.extend(&other[draw.below(other.len())..]);
        }
        6 | 7 => {
            // a number of one to eight bytes, either of their orders
            let width = 1 << draw.below(4);
            let number = NUMBERS[draw.below(NUMBERS.len())];
            let mut number = number.to_le_bytes()[..width].to_vec();
            if draw.below(2) == 0 {
                number.reverse();
            }
            let end = (at + width).min(file.len());
            file.splice(at..end, number);
        }
        _ => {
            let run = span(file, 64, draw);
            file[run].fill([0, 0xff, b' ', b'0'][draw.below(4)]);
        }
    }
}

fn text(file: &mut Vec<u8>, draw: &mut Draw) {
    let at = draw.below(file.len());
    match draw.below(8) {
        0 | 1 => drop(file.splice(at..at, draw.of(&WORDS).bytes())),
        2 | 3 => {
            // a number becomes another
            let Some(start) = (at..file.len()).find(|&i| file[i].is_ascii_digit()) else {
                return;
            };
            let end = (start..file.len())
                .find(|&i| !file[i].is_ascii_digit())
                .unwrap_or(file.len());
            file.splice(start..end, draw.of(&WORDS[37..52]).bytes());
        }
        4 => {
            // deep, or long
            let (open, close) = [
                ("(", ")"),
                ("[", "]"),
                ("{", "}"),
                ("-", ""),
                ("!", ""),
                ("1+", ""),
                ("{\"a\":", "}"),
                ("a", ""),
                ("a.", ""),
                ("\n", ""),
            ][draw.below(10)];
            let n = [50, 500, 5_000, 70_000][draw.below(4)];
            let run = open.repeat(n) + &close.repeat(n * draw.below(2));
            file.splice(at..at, run.into_bytes());
        }
        5 => {
            // a line is there twice, or gone, or ends before its end
            let start = file[..at]
                .iter()
                .rposition(|&b| b == b'\n')
                .map_or(0, |i| i + 1);
            let end = file[at..]
                .iter()
                .position(|&b| b == b'\n')
                .map_or(file.len(), |i| at + i + 1);
            match draw.below(3) {
                0 => drop(file.splice(start..start, file[start..end].to_vec())),
                1 => drop(file.drain(start..end)),
                _ => drop(file.drain(at..end)),
            }
        }
        6 => {
            // a word becomes another
            let run = span(file, 12, draw);
            file.splice(run, draw.of(&WORDS).bytes());
        }
        _ => {
            // a run stands elsewhere too
            let run = span(file, 60, draw);
            let run = file[run].to_vec();
            file.splice(at..at, run);
        }
    }
}
