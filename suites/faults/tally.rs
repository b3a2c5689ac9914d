//! How many cases of a kind were tried, and how many survived?

use std::collections::BTreeMap;
use std::fmt;

/// The cases of one kind.
#[derive(Debug, Default)]
pub struct Tally {
    /// What was done to the program.
    pub name: String,
    /// How many cases there were.
    pub tried: usize,
    /// Of how many the program did as it should.
    pub survived: usize,
    /// Why none were tried.
    pub skipped: Option<String>,
}

impl Tally {
    /// Of a kind that was not tried.
    pub fn skipped(name: &str, why: impl Into<String>) -> Tally {
        Tally {
            name: name.into(),
            skipped: Some(why.into()),
            ..Tally::default()
        }
    }

    /// Whether nothing failed.
    pub fn all_survived(&self) -> bool {
        self.tried == self.survived
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Tally {
            name,
            tried,
            survived,
            skipped,
        } = self;
        match skipped {
            Some(why) => write!(f, "{name:<28} skipped: {why}"),
            None => write!(f, "{name:<28} {tried:>9} {survived:>9}"),
        }
    }
}

/// One tally a name, in order of name.
pub fn by_name(cases: impl IntoIterator<Item = (String, bool)>) -> Vec<Tally> {
    let mut tallies = BTreeMap::<String, Tally>::new();
    for (name, survived) in cases {
        let tally = tallies.entry(name.clone()).or_default();
        tally.name = name;
        tally.tried += 1;
        tally.survived += usize::from(survived);
    }
    tallies.into_values().collect()
}
