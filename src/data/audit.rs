//! Which images are there twice, and how much of the test part was seen in training?
//!
//! Exact duplicates have the same size and the same pixels. Near duplicates are looked for in folders of
//! pictures: two are near when their difference hashes, of 64 bits, differ in so many bits at most.
//! How often two of different classes are near tells how often it is by chance.

use super::{Seen, Survey, division};
use serde::Serialize;
use std::collections::BTreeMap;

/// Bits by which two pictures' hashes may differ and count as near, unless told otherwise.
pub const NEAR: u32 = 2;

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Audit {
    /// Which data set.
    pub source: &'static str,
    /// How many images there are.
    pub images: usize,
    /// Images that are there several times.
    pub exact: Exact,
    /// Bits by which hashes may differ and count as near; none where no near duplicates were sought.
    pub distance: Option<u32>,
    /// Pairs of pictures whose hashes differ in exactly so many bits, from 0 on; duplicates included.
    pub pairs: Vec<Distance>,
    /// What of the test part is in the training part, as the data set is divided.
    pub leak: Leak,
    /// The same for divisions by other seeds.
    pub seeds: Vec<Leak>,
}

/// Images that are there several times.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Exact {
    /// Each group of equal images, by name.
    pub groups: Vec<Vec<String>>,
    /// Images less different images.
    pub surplus: usize,
    /// Groups that are in several parts.
    pub across_parts: usize,
    /// Groups that are in several classes.
    pub across_classes: usize,
}

/// Pairs of pictures at one distance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Distance {
    /// Pairs.
    pub pairs: usize,
    /// Those of two classes.
    pub across_classes: usize,
}

/// Test images that have a duplicate among the training images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Leak {
    /// The division's seed, if one was tried.
    pub seed: Option<u64>,
    /// How many test images there are.
    pub test: usize,
    /// Those with an exact duplicate.
    pub exact: usize,
    /// Those with an exact or a near one, where near ones were sought.
    pub near: Option<usize>,
}

impl Leak {
    /// The share of test images with an exact, and with an exact or a near duplicate.
    pub fn shares(&self) -> (f64, Option<f64>) {
        let share = |n: usize| n as f64 / self.test.max(1) as f64;
        (share(self.exact), self.near.map(share))
    }
}

/// Looks for duplicates, and divides a folder anew by the seeds 0, 1 and so on.
pub fn audit(survey: &Survey, distance: u32, seeds: u64) -> Audit {
    let images = &survey.images;
    let groups = groups(images);
    let looks: Option<Vec<u64>> = images.iter().map(|seen| seen.look).collect();
    let (pairs, near) = looks.map_or((Vec::new(), None), |looks| {
        let (pairs, near) = near(images, &looks, distance);
        (pairs, Some(near))
    });
    let equal = neighbours(images.len(), &groups);
    let several = |group: &&Vec<usize>, of: &dyn Fn(&Seen) -> Option<usize>| {
        group
            .iter()
            .any(|&i| of(&images[i]) != of(&images[group[0]]))
    };
    let leak = |seed, parts: &[Option<usize>]| {
        let test = survey.statistics.len() - 1;
        let tests = || (0..images.len()).filter(|&i| parts[i] == Some(test));
        let seen = |lists: &[Vec<usize>], i: usize| lists[i].iter().any(|&j| parts[j] == Some(0));
        let exact = |i: usize| seen(&equal, i);
        Leak {
            seed,
            test: tests().count(),
            exact: tests().filter(|&i| exact(i)).count(),
            near: near
                .as_ref()
                .map(|near| tests().filter(|&i| exact(i) || seen(near, i)).count()),
        }
    };
    let own: Vec<Option<usize>> = images.iter().map(|seen| seen.part).collect();
    Audit {
        source: survey.source.name(),
        images: images.len(),
        exact: Exact {
            surplus: groups.iter().map(|group| group.len() - 1).sum(),
            across_parts: groups
                .iter()
                .filter(|g| several(g, &|seen| seen.part))
                .count(),
            across_classes: groups
                .iter()
                .filter(|g| several(g, &|seen| Some(seen.class)))
                .count(),
            groups: groups
                .iter()
                .map(|group| group.iter().map(|&i| images[i].name.clone()).collect())
                .collect(),
        },
        distance: near.as_ref().map(|_| distance),
        pairs,
        leak: leak(None, &own),
        seeds: match near {
            Some(_) => (0..seeds)
                .map(|seed| leak(Some(seed), &divided(images.len(), seed)))
                .collect(),
            // divided by their publishers
            None => Vec::new(),
        },
    }
}

/// The part of each picture in a folder that a seed divides.
fn divided(count: usize, seed: u64) -> Vec<Option<usize>> {
    let order = division::permutation(count, seed);
    let mut parts = vec![None; count];
    for (part, range) in division::parts(count).into_iter().enumerate() {
        order[range].iter().for_each(|&i| parts[i] = Some(part));
    }
    parts
}

/// Groups of equal images, in the order of their first.
fn groups(images: &[Seen]) -> Vec<Vec<usize>> {
    let mut by_digest: BTreeMap<[u8; 16], Vec<usize>> = BTreeMap::new();
    for (i, seen) in images.iter().enumerate() {
        by_digest.entry(seen.digest).or_default().push(i);
    }
    let mut groups: Vec<Vec<usize>> = by_digest.into_values().filter(|g| g.len() > 1).collect();
    groups.sort();
    groups
}

/// Of each image the others of its group.
fn neighbours(count: usize, groups: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut lists = vec![Vec::new(); count];
    for group in groups {
        for &i in group {
            lists[i] = group.iter().copied().filter(|&j| j != i).collect();
        }
    }
    lists
}

/// Pairs by distance, and of each image those that are near.
fn near(images: &[Seen], looks: &[u64], distance: u32) -> (Vec<Distance>, Vec<Vec<usize>>) {
    let mut pairs = vec![Distance::default(); distance.min(64) as usize + 1];
    let mut lists = vec![Vec::new(); images.len()];
    for i in 0..images.len() {
        for j in 0..i {
            let apart = (looks[i] ^ looks[j]).count_ones();
            if apart > distance {
                continue;
            }
            let at = &mut pairs[apart as usize];
            at.pairs += 1;
            at.across_classes += usize::from(images[i].class != images[j].class);
            lists[i].push(j);
            lists[j].push(i);
        }
    }
    (pairs, lists)
}

#[cfg(test)]
mod tests {
    use super::super::{Source, Statistics};
    use super::*;

    /// Images of that part, class, content and hash.
    fn survey(images: &[(usize, usize, u8, u64)], pictures: bool) -> Survey {
        let part = |name: &str| Statistics {
            part: name.into(),
            images: 0,
            classes: Vec::new(),
            mean: Vec::new(),
            deviation: Vec::new(),
        };
        Survey {
            source: Source::Folder,
            statistics: ["train", "validation", "test"].map(part).to_vec(),
            classes: vec!["a".into(), "b".into()],
            images: (0..)
                .zip(images)
                .map(|(i, &(part, class, content, look))| Seen {
                    name: i.to_string(),
                    part: Some(part),
                    class,
                    digest: [content; 16],
                    look: pictures.then_some(look),
                })
                .collect(),
        }
    }

    #[test]
    fn duplicates_are_counted_within_and_across() {
        let images = [
            (0, 0, 1, 0b0000),
            (0, 0, 1, 0b0000),
            (1, 1, 2, 0b0011),
            (2, 0, 1, 0b0000),
            (2, 1, 3, 0b0001),
            (2, 1, 4, !0),
            (2, 1, 2, 0b0011),
        ];
        let found = audit(&survey(&images, true), 1, 3);
        assert_eq!(found.exact.groups, [vec!["0", "1", "3"], vec!["2", "6"]]);
        assert_eq!((found.exact.surplus, found.exact.across_parts), (3, 2));
        assert_eq!(found.exact.across_classes, 0);
        // of four test images one is exactly, another nearly a training image
        assert_eq!(
            (found.leak.test, found.leak.exact, found.leak.near),
            (4, 1, Some(2))
        );
        assert_eq!(found.leak.shares(), (0.25, Some(0.5)));
        let at = |pairs, across_classes| Distance {
            pairs,
            across_classes,
        };
        // 0, 1, 3 among each other and 2, 6; 4 with each of the five
        assert_eq!(found.pairs, [at(4, 0), at(5, 3)]);
        let seeds: Vec<_> = found.seeds.iter().map(|leak| leak.seed).collect();
        assert_eq!(seeds, [Some(0), Some(1), Some(2)]);
        // 7 pictures are divided 4, 1, 2
        assert!(found.seeds.iter().all(|leak| leak.test == 2));
        let fixed = audit(&survey(&images, false), 1, 3);
        assert_eq!((fixed.leak.near, fixed.distance), (None, None));
        assert!(fixed.seeds.is_empty() && fixed.pairs.is_empty());
    }
}
