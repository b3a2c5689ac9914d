//! How are many paths said in one? `layer{1..4}.0.conv1`: parts that differ are runs of numbers, a few words, or a star.

use std::collections::{BTreeMap, BTreeSet};

/// So many values of a part are named.
const MOST_NAMED: usize = 3;
/// So many patterns stand in a line, one for each number of parts.
const MOST_PATTERNS: usize = 2;
/// Longest path that is shown in full.
const LONGEST: usize = 56;

/// Paths in short.
pub(super) fn pattern(paths: &[&str]) -> String {
    let mut by_length: BTreeMap<usize, Vec<Vec<&str>>> = BTreeMap::new();
    for path in paths {
        let parts: Vec<&str> = path.split('.').collect();
        by_length.entry(parts.len()).or_default().push(parts);
    }
    let patterns: Vec<String> = by_length.values().map(|all| of_one_length(all)).collect();
    let more = patterns.len().saturating_sub(MOST_PATTERNS);
    let mut text = patterns[..patterns.len() - more].join(", ");
    if more > 0 {
        text += ", ...";
    }
    text
}

/// Paths of as many parts.
fn of_one_length(all: &[Vec<&str>]) -> String {
    let parts = all.first().map_or(0, Vec::len);
    let parts: Vec<String> = (0..parts)
        .map(|i| part(&all.iter().map(|path| path[i]).collect()))
        .collect();
    shortened(&parts.join("."))
}

/// A part that has all these values.
fn part(values: &BTreeSet<&str>) -> String {
    let first = values.first().copied().unwrap_or_default();
    if values.len() <= 1 {
        return first.to_string();
    }
    let word = first.trim_end_matches(|c: char| c.is_ascii_digit());
    let numbers: Option<BTreeSet<u64>> = values
        .iter()
        .map(|value| value.strip_prefix(word)?.parse().ok())
        .collect();
    // `01` and `1` are two names and one number
    if let Some(numbers) = numbers.filter(|numbers| numbers.len() == values.len())
        && let (Some(least), Some(most)) = (numbers.first(), numbers.last())
    {
        if most - least + 1 == numbers.len() as u64 {
            return format!("{word}{{{least}..{most}}}");
        }
        if numbers.len() > MOST_NAMED {
            return format!("{word}*");
        }
        let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        return format!("{word}{{{}}}", numbers.join(","));
    }
    match values.len() {
        ..=MOST_NAMED => {
            let values: Vec<&str> = values.iter().copied().collect();
            format!("{{{}}}", values.join(","))
        }
        _ => "*".into(),
    }
}

/// A path without its middle, if it is long.
fn shortened(path: &str) -> String {
    let letters: Vec<char> = path.chars().collect();
    if letters.len() <= LONGEST {
        return path.to_string();
    }
    let (head, tail) = (
        &letters[..LONGEST / 2],
        &letters[letters.len() - LONGEST / 2 + 3..],
    );
    let parts = head.iter().chain(&['.', '.', '.']).chain(tail);
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn many_paths_are_one() {
        for (paths, expected) in [
            (&["conv1"][..], "conv1"),
            (
                &["layer2.0.bn1", "layer3.0.bn1", "layer4.0.bn1"],
                "layer{2..4}.0.bn1",
            ),
            (&["a.0.x", "a.2.x", "a.9.x"], "a.{0,2,9}.x"),
            (&["a.0", "a.2", "a.9", "a.11"], "a.*"),
            (
                &["bn1", "layer1.0.bn1", "layer1.1.bn1"],
                "bn1, layer1.{0..1}.bn1",
            ),
            (&["a.norm", "a.bn"], "a.{bn,norm}"),
            (&["a.1", "a.01"], "a.{01,1}"),
        ] {
            assert_eq!(pattern(paths), expected);
        }
    }
}
