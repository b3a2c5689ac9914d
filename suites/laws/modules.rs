//! Laws over the source: imports go one way, and the pure modules stay pure.

use crate::{law, repository};
use libtest_mimic::Trial;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Modules in reading order; each may use those of earlier ranks and, within a rank, itself.
const RANKS: &[&[&str]] = &[
    &["digest", "few", "file", "visible"],
    &["seal"],
    &["claim", "graph", "nearest", "random"],
    &["foreign"],
    &["document", "stats", "zoo", "analysis"],
    &["drawing", "reference"],
    &["allocator", "arena", "device", "ops"],
    &["net", "data"],
    &["cpu", "difference"],
    &["run"],
    &["train"],
    &["gpu"],
    &["bench"],
    &["experiment"],
    &["evidence"],
    &["verdict"],
    &["record"],
    &["check"],
    &["compare"],
    &["report"],
    &["project"],
    &["pipeline"],
    &["cli", "main", "lib"],
];

/// Modules that must work without tensors.
const PURE: &[&str] = &[
    "graph", "foreign", "zoo", "analysis", "claim", "document", "drawing", "stats", "verdict",
];

pub fn trials() -> Vec<Trial> {
    vec![
        law("modules::imports-go-one-way", one_way),
        law("modules::pure-modules-never-name-candle", pure),
        law("modules::every-module-has-a-rank", ranked),
        law("modules::no-files-use-each-other-in-a-circle", circles),
    ]
}

fn rank(module: &str) -> Option<usize> {
    RANKS.iter().position(|rank| rank.contains(&module))
}

/// Each source file with the module that it belongs to.
pub fn sources() -> Vec<(String, String, String)> {
    fn walk(folder: &Path, root: &Path, found: &mut Vec<(String, String, String)>) {
        let mut entries: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                walk(&path, root, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(root).unwrap();
                let first = inside
                    .components()
                    .next()
                    .unwrap()
                    .as_os_str()
                    .to_str()
                    .unwrap();
                let module = first.trim_end_matches(".rs").to_string();
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((inside.display().to_string(), module, text));
            }
        }
    }
    let root = repository("src");
    let mut found = Vec::new();
    walk(&root, &root, &mut found);
    assert!(found.len() > 20, "the sources were not found");
    found
}

/// The modules of this crate that a text names.
fn named(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    code.match_indices("crate::")
        .map(|(i, start)| {
            let rest = &code[i + start.len()..];
            rest.chars()
                .take_while(|c| c.is_ascii_lowercase() || *c == '_')
                .collect::<String>()
        })
        .filter(|name| !name.is_empty())
        .collect()
}

fn one_way() {
    for (file, module, text) in sources() {
        if module == "lib" || module == "main" {
            continue;
        }
        assert!(
            !text.contains("use crate::{"),
            "{file}: one module a `use` line, so that this law can read it"
        );
        let own = rank(&module).unwrap();
        for used in named(&text) {
            let Some(other) = rank(&used) else { continue };
            assert!(
                other < own || used == module,
                "{file} uses {used}, which comes later or beside it"
            );
        }
    }
}

fn pure() {
    for (file, module, text) in sources() {
        if PURE.contains(&module.as_str()) {
            assert!(!text.contains("candle"), "{file} names candle");
        }
    }
}

fn ranked() {
    for (file, module, _) in sources() {
        assert!(
            rank(&module).is_some(),
            "{file}: give `{module}` a rank in this law"
        );
    }
}

/// Below their common module, too, files use each other one way. A file and those within it are one.
fn circles() {
    let files: BTreeMap<String, String> = sources()
        .into_iter()
        .filter(|(file, module, _)| module != "main" && !file.ends_with("tests.rs"))
        .map(|(file, _, text)| (file.trim_end_matches(".rs").replace('/', "::"), text))
        .collect();
    let within = |a: &str, b: &str| a.strip_prefix(b).is_some_and(|rest| rest.starts_with("::"));
    let mut left: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (file, text) in &files {
        let used = paths(file, text).into_iter().filter_map(|path| {
            let parts: Vec<&str> = path.split("::").collect();
            let known = (1..=parts.len()).rev();
            let known = known.map(|n| parts[..n].join("::"));
            known
                .into_iter()
                .find_map(|path| files.get_key_value(&path))
        });
        let used = used.map(|(other, _)| other.as_str());
        let others =
            used.filter(|other| other != file && !within(other, file) && !within(file, other));
        left.insert(file, others.collect());
    }
    assert!(
        left["report::pages"].contains("report::frame"),
        "uses were not found"
    );
    // a file that uses none of those left is in no circle
    while let Some(last) = left
        .iter()
        .find(|(_, used)| used.is_empty())
        .map(|(file, _)| *file)
    {
        left.remove(last);
        for used in left.values_mut() {
            used.remove(last);
        }
    }
    assert!(left.is_empty(), "in a circle, or before one: {left:#?}");
}

/// What a file names of this crate, from `super` or `crate` on, as paths from the crate on.
fn paths(file: &str, text: &str) -> Vec<String> {
    let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
    let code: String = (code.lines())
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, " "])
        .collect();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut paths = Vec::new();
    for word in code.split_inclusive(|c| !is_name(c)) {
        // the rest of the code from this word on, for what stands in braces behind it
        let rest = &code[word.as_ptr() as usize - code.as_ptr() as usize..];
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        let (mut path, behind) = rest.split_at(end);
        let mut above: Vec<&str> = file.split("::").collect();
        if let Some(below) = path.strip_prefix("crate::") {
            (above, path) = (Vec::new(), below);
        } else if path.starts_with("super::") {
            while let Some(below) = path.strip_prefix("super::") {
                above.pop();
                path = below;
            }
        } else {
            continue;
        }
        let names: Vec<&str> = match behind.strip_prefix('{') {
            Some(group) => group[..group.find("};").unwrap_or(0)].split(',').collect(),
            None => vec![""],
        };
        for name in names {
            let name = name.split_whitespace().next().unwrap_or_default();
            let path = above.join("::") + "::" + path + name;
            paths.push(path.trim_matches(':').to_string());
        }
    }
    paths
}
