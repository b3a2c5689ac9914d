//! What does a family leave open? Its arguments: of which type, from where to where, what is theirs
//! unless another value is given, and what they mean.
//!
//! `arguments!` derives all of that from one declaration: the fields that the description reads, the
//! reader of what is given, and the help.

use super::Network;
use super::expression::Literal;
use serde::Serialize;
use std::ops::RangeInclusive;

/// Numbers of classes that a network may tell apart.
pub(super) const CLASSES: RangeInclusive<usize> = 1..=1_000_000;
/// Maps that a layer may have, and units of a fully connected one.
pub(super) const WIDTH: RangeInclusive<usize> = 1..=65_536;
/// Weighted layers of a network of one piece.
pub(super) const DEPTH: RangeInclusive<usize> = 1..=2_000;
/// Units in a row of one width.
pub(super) const UNITS: RangeInclusive<usize> = 1..=400;
/// Probabilities of zero.
pub(super) const DROPOUT: RangeInclusive<f64> = 0.0..=0.99;

/// An argument, for those who want to give it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Argument {
    /// Its name.
    pub name: &'static str,
    /// The value that it has unless another is given, as it is written.
    pub value: String,
    /// From where to where, or which words there are.
    pub range: String,
    /// What it means.
    pub meaning: &'static str,
}

/// `depth=20 (8 to 2000)`.
impl std::fmt::Display for Argument {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{}={} ({})", self.name, self.value, self.range)
    }
}

/// What is open in a network, and what it is set to; `arguments!` writes it.
pub(super) trait Arguments {
    /// All, with their values.
    fn arguments(&self) -> Vec<Argument>;

    /// Gives one another value; nothing if there is none of that name.
    fn set(&mut self, name: &str, value: &Literal) -> Option<Result<(), String>>;

    /// The same again.
    fn copy(&self) -> Box<dyn Network>;
}

/// A type that an argument can have.
pub(super) trait ArgumentType: Sized {
    /// What else its values must keep to.
    type Bounds;

    /// Its value, or what would be one.
    fn read(value: &Literal, bounds: &Self::Bounds) -> Result<Self, String>;

    /// What is read as this value.
    fn written(&self) -> String;

    /// Which values there are.
    fn range(bounds: &Self::Bounds) -> String;
}

/// A type whose values are single words.
pub(super) trait Scalar: Sized {
    /// What else its values must keep to.
    type Bounds;

    /// The value of a word.
    fn of(word: &str, bounds: &Self::Bounds) -> Option<Self>;

    /// The word of a value.
    fn word(&self) -> String;

    /// Which values there are.
    fn range(bounds: &Self::Bounds) -> String;
}

impl Scalar for usize {
    type Bounds = RangeInclusive<usize>;

    fn of(word: &str, bounds: &Self::Bounds) -> Option<usize> {
        word.parse().ok().filter(|n| bounds.contains(n))
    }

    fn word(&self) -> String {
        self.to_string()
    }

    fn range(bounds: &Self::Bounds) -> String {
        format!("{} to {}", bounds.start(), bounds.end())
    }
}

impl Scalar for f64 {
    type Bounds = RangeInclusive<f64>;

    fn of(word: &str, bounds: &Self::Bounds) -> Option<f64> {
        let number: f64 = word.parse().ok()?;
        // -0 and 0 are one number of two spellings
        Some(number + 0.0).filter(|x| bounds.contains(x))
    }

    fn word(&self) -> String {
        self.to_string()
    }

    fn range(bounds: &Self::Bounds) -> String {
        format!("{} to {}", bounds.start(), bounds.end())
    }
}

impl Scalar for bool {
    type Bounds = ();

    fn of(word: &str, (): &()) -> Option<bool> {
        word.parse().ok()
    }

    fn word(&self) -> String {
        self.to_string()
    }

    fn range((): &()) -> String {
        "true or false".into()
    }
}

impl<T: Scalar> ArgumentType for T {
    type Bounds = T::Bounds;

    fn read(value: &Literal, bounds: &Self::Bounds) -> Result<T, String> {
        let found = match value {
            Literal::Word(word) => T::of(word, bounds),
            Literal::List(_) => None,
        };
        found.ok_or_else(|| format!("is {value}, must be {}", <T as Scalar>::range(bounds)))
    }

    fn written(&self) -> String {
        self.word()
    }

    fn range(bounds: &Self::Bounds) -> String {
        <T as Scalar>::range(bounds)
    }
}

impl<T: Scalar, const N: usize> ArgumentType for [T; N] {
    type Bounds = T::Bounds;

    fn read(value: &Literal, bounds: &Self::Bounds) -> Result<[T; N], String> {
        let found = match value {
            Literal::Word(_) => None,
            Literal::List(words) => words.iter().map(|word| T::of(word, bounds)).collect(),
        };
        found
            .and_then(|values: Vec<T>| values.try_into().ok())
            .ok_or_else(|| format!("is {value}, must be {}", <[T; N]>::range(bounds)))
    }

    fn written(&self) -> String {
        list(self)
    }

    fn range(bounds: &Self::Bounds) -> String {
        format!("[...] of {N}, each {}", T::range(bounds))
    }
}

impl<T: Scalar> ArgumentType for Vec<T> {
    /// How many there are, and those of each.
    type Bounds = (RangeInclusive<usize>, T::Bounds);

    fn read(value: &Literal, all: &Self::Bounds) -> Result<Vec<T>, String> {
        let (counts, bounds) = all;
        let found: Option<Vec<T>> = match value {
            Literal::Word(_) => None,
            Literal::List(words) => words.iter().map(|word| T::of(word, bounds)).collect(),
        };
        found
            .filter(|values| counts.contains(&values.len()))
            .ok_or_else(|| format!("is {value}, must be {}", Self::range(all)))
    }

    fn written(&self) -> String {
        list(self)
    }

    fn range((counts, bounds): &Self::Bounds) -> String {
        let (fewest, most) = (counts.start(), counts.end());
        format!("[...] of {fewest} to {most}, each {}", T::range(bounds))
    }
}

fn list<T: Scalar>(values: &[T]) -> String {
    let words: Vec<String> = values.iter().map(Scalar::word).collect();
    format!("[{}]", words.join(","))
}

/// Whether a depth is a number of whole units of so many layers and some more.
pub(super) fn whole_units(depth: usize, unit: usize, more: usize) -> Result<(), String> {
    match depth > more && (depth - more).is_multiple_of(unit) {
        true => Ok(()),
        false => Err(format!(
            "depth is {depth}, must be {unit}n + {more}, as {} or {}",
            unit + more,
            2 * unit + more
        )),
    }
}

/// Declares the arguments of a description: each with its meaning, type, value and bounds.
macro_rules! arguments {
    ($(#[$about:meta])* struct $name:ident {
        $(#[doc = $meaning:literal] $field:ident: $type:ty = $value:expr, $bounds:expr;)*
    }) => {
        $(#[$about])*
        #[derive(Clone)]
        pub(super) struct $name {
            $(#[doc = $meaning] pub $field: $type,)*
        }

        impl Default for $name {
            fn default() -> $name {
                $name { $($field: $value,)* }
            }
        }

        impl $crate::zoo::arguments::Arguments for $name {
            fn arguments(&self) -> Vec<$crate::zoo::Argument> {
                use $crate::zoo::arguments::ArgumentType;
                vec![$($crate::zoo::Argument {
                    name: stringify!($field),
                    value: self.$field.written(),
                    range: <$type as ArgumentType>::range(&$bounds),
                    meaning: $meaning.trim(),
                },)*]
            }

            fn set(
                &mut self,
                name: &str,
                value: &$crate::zoo::expression::Literal,
            ) -> Option<Result<(), String>> {
                use $crate::zoo::arguments::ArgumentType;
                match name {
                    $(stringify!($field) => Some(
                        ArgumentType::read(value, &$bounds).map(|value| self.$field = value)
                    ),)*
                    _ => None,
                }
            }

            fn copy(&self) -> Box<dyn $crate::zoo::Network> {
                Box::new(self.clone())
            }
        }
    };
}

/// Declares an argument that is one of several words.
macro_rules! choice {
    ($(#[$about:meta])* enum $name:ident {
        $($(#[$meaning:meta])* $variant:ident = $word:literal,)*
    }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum $name {
            $($(#[$meaning])* $variant,)*
        }

        impl $crate::zoo::arguments::Scalar for $name {
            type Bounds = ();

            fn of(word: &str, (): &()) -> Option<$name> {
                match word {
                    $($word => Some($name::$variant),)*
                    _ => None,
                }
            }

            fn word(&self) -> String {
                match self {
                    $($name::$variant => $word.to_string(),)*
                }
            }

            fn range((): &()) -> String {
                [$($word),*].join(" or ")
            }
        }
    };
}

pub(super) use {arguments, choice};
