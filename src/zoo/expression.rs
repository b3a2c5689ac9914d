//! How is a network spelt? `resnet18`, `wrn{depth=16, widen=8}`, `vgg16{classes=100}@3x64x64`.
//!
//! A name, arguments in braces, and behind `@` the input on which it is run. What a value means is for
//! the argument to say that is given it; here a value is a word or a list of words.

use super::ZooError;
use crate::foreign;
use crate::graph::Shape;
use std::fmt;
use std::iter::Peekable;
use std::str::Chars;

/// An expression longer than this many characters is none.
const LONGEST: usize = 400;

/// A spelt network.
#[derive(Debug, Clone)]
pub(super) struct Expression {
    /// What stands before the braces.
    pub name: String,
    /// What stands in them, in order.
    pub arguments: Vec<Given>,
    /// Another input than the network's own.
    pub at: Option<Shape>,
}

/// An argument that is given.
#[derive(Debug, Clone)]
pub(super) struct Given {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Literal,
    /// Where it begins, from 1.
    pub column: usize,
}

/// A value as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Literal {
    /// A number, a size, a truth or one of several words.
    Word(String),
    /// Several of them, in brackets.
    List(Vec<String>),
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Literal::Word(word) => f.write_str(word),
            Literal::List(words) => write!(f, "[{}]", words.join(",")),
        }
    }
}

/// Reads a spelling.
///
/// # Errors
/// [`ZooError::Expression`] at the first character that does not belong there.
pub(super) fn parse(text: &str) -> Result<Expression, ZooError> {
    let mut reader = Reader {
        text,
        rest: text.chars().peekable(),
        column: 1,
    };
    if text.chars().count() > LONGEST {
        let what = format!("it is longer than {LONGEST} characters");
        return Err(fault(&shortened(text), LONGEST + 1, what));
    }
    // or a file's
    let name = match foreign::is_file(text.split(['{', '@']).next().unwrap_or_default().trim()) {
        true => reader.path(),
        false => reader.name()?,
    };
    let mut arguments = Vec::new();
    if reader.takes('{') && !reader.takes('}') {
        loop {
            arguments.push(reader.argument()?);
            match reader.closes('}')? {
                true => break,
                false => continue,
            }
        }
    }
    let at = match reader.takes('@') {
        true => Some(reader.size()?),
        false => None,
    };
    match reader.next() {
        None => Ok(Expression {
            name,
            arguments,
            at,
        }),
        Some(_) => Err(reader.expected("`{`, `@` or the end")),
    }
}

/// The beginning of a text that is too long to be repeated.
fn shortened(text: &str) -> String {
    text.chars().take(40).chain("...".chars()).collect()
}

fn fault(text: &str, column: usize, what: String) -> ZooError {
    ZooError::Expression {
        expression: text.to_string(),
        column,
        what,
    }
}

struct Reader<'t> {
    text: &'t str,
    rest: Peekable<Chars<'t>>,
    /// Where the next character stands, from 1.
    column: usize,
}

impl Reader<'_> {
    /// The next character that is no blank.
    fn next(&mut self) -> Option<char> {
        while self.rest.next_if(|c| c.is_whitespace()).is_some() {
            self.column += 1;
        }
        self.rest.peek().copied()
    }

    fn expected(&mut self, what: &str) -> ZooError {
        let found = match self.next() {
            Some(c) => format!("`{c}`"),
            None => "the end".to_string(),
        };
        fault(
            self.text,
            self.column,
            format!("{found} where {what} must stand"),
        )
    }

    /// Whether that character is next; then it is read.
    fn takes(&mut self, c: char) -> bool {
        let is_next = self.next() == Some(c);
        if is_next {
            self.rest.next();
            self.column += 1;
        }
        is_next
    }

    /// The name of a model, which people spell with blanks too: `VGG 16`.
    fn name(&mut self) -> Result<String, ZooError> {
        let what = "the name of a model";
        let mut name = self.word(what)?;
        while self.next().is_some_and(char::is_alphanumeric) {
            name = [&name, " ", &self.word(what)?].concat();
        }
        Ok(name)
    }

    fn word(&mut self, what: &str) -> Result<String, ZooError> {
        self.next();
        let belongs = |c: &char| c.is_alphanumeric() || "_-.+".contains(*c);
        let mut word = String::new();
        while let Some(c) = self.rest.next_if(belongs) {
            self.column += 1;
            word.push(c);
        }
        match word.is_empty() {
            true => Err(self.expected(what)),
            false => Ok(word),
        }
    }

    /// All before `{` or `@`.
    fn path(&mut self) -> String {
        let mut path = String::new();
        while let Some(c) = self.rest.next_if(|c| !"{@".contains(*c)) {
            self.column += 1;
            path.push(c);
        }
        path.trim().to_string()
    }

    fn argument(&mut self) -> Result<Given, ZooError> {
        self.next();
        let column = self.column;
        let name = self.word("the name of an argument")?;
        if !self.takes('=') {
            return Err(self.expected("`=`"));
        }
        let value = match self.takes('[') {
            true => Literal::List(self.list()?),
            false => Literal::Word(self.word("a value or `[`")?),
        };
        Ok(Given {
            name,
            value,
            column,
        })
    }

    /// What stands behind an opening bracket.
    fn list(&mut self) -> Result<Vec<String>, ZooError> {
        let mut words = Vec::new();
        loop {
            words.push(self.word("a value")?);
            if self.closes(']')? {
                return Ok(words);
            }
        }
    }

    /// Whether a list ends here; if not, a comma is read.
    fn closes(&mut self, bracket: char) -> Result<bool, ZooError> {
        match self.takes(bracket) {
            true => Ok(true),
            false if self.takes(',') => Ok(false),
            false => Err(self.expected(&format!("`,` or `{bracket}`"))),
        }
    }

    fn size(&mut self) -> Result<Shape, ZooError> {
        self.next();
        let column = self.column;
        let word = self.word("a size such as 3x224x224")?;
        word.parse().map_err(|what| fault(self.text, column, what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_order_are_the_readers_own() {
        let read = parse(" a-b { n = [ 1, 2 ] , w=x } @ 3x8x8 ").unwrap();
        let arguments: Vec<_> = (read.arguments.iter())
            .map(|given| (given.name.as_str(), given.value.to_string(), given.column))
            .collect();
        assert_eq!(read.name, "a-b");
        assert_eq!(
            arguments,
            [("n", "[1,2]".to_string(), 8), ("w", "x".to_string(), 23)]
        );
        assert_eq!(read.at, Some(Shape::map(3, 8, 8)));
        assert!(parse("a{}").unwrap().arguments.is_empty());
    }

    #[test]
    fn what_does_not_belong_is_said_with_its_column() {
        for (text, column, says) in [
            ("", 1, "the end where the name of a model"),
            ("a ;", 3, "`;` where `{`, `@` or the end"),
            ("a{", 3, "the name of an argument"),
            ("a{n}", 4, "`}` where `=`"),
            ("a{n=}", 5, "a value or `[`"),
            ("a{n=1", 6, "`,` or `}`"),
            ("a{n=1 m=2}", 7, "`m` where `,` or `}`"),
            ("a{n=[1}", 7, "`,` or `]`"),
            ("a{n=[[1]]}", 6, "`[` where a value"),
            ("a{n=1},", 7, "`,` where `{`, `@` or the end"),
            ("a@", 3, "a size"),
            ("a@3x0x1", 3, "not a size"),
            ("a{n=1}}", 7, "`}`"),
            ("ä{ö=ß}é", 7, "`é`"),
        ] {
            let ZooError::Expression {
                column: found,
                what,
                ..
            } = parse(text).unwrap_err()
            else {
                panic!("{text}")
            };
            assert_eq!(found, column, "{text}: {what}");
            assert!(what.contains(says), "{text}: {what}");
        }
        let long = parse(&"a".repeat(100_000)).unwrap_err().to_string();
        assert!(long.len() < 200, "{long}");
    }
}
