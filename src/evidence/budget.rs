//! What may a measure cost? It may be a stranger's. Steps, sizes and the work of networks are counted, and not timed: what one
//! machine evaluates, every machine does.
//!
//! There is one account a thread, since functions of CEL are handed nothing else.

use super::Call;
use crate::claim::MOST_LEVELS;
use crate::graph::Graph;
use cel::common::types::{CelBytes, CelList, CelMap, CelOptional, CelString};
use cel::common::value::Val;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Steps of a measure: some seconds.
const MOST_STEPS: u64 = 5_000_000;
/// Parts of a value: elements of lists, and each eight bytes of a text.
const MOST_PARTS: u64 = 250_000;
/// Steps that it takes to describe a layer. It takes one to read so many.
const STEPS_OF_A_LAYER: u64 = 20;
const LAYERS_IN_A_STEP: u64 = 20;
/// Steps that it takes to find out that a network cannot be had.
const STEPS_OF_NO_NETWORK: u64 = 1_000;

/// Multiply-accumulates of the networks that a measure runs: about a second, and an hour if it is slow.
const MOST_WORK: [u64; 2] = [20_000_000_000, 100_000_000_000_000];
/// Values that a run may hold, in all layers for all images, in f64: 1 GiB, and 8 GiB if the measure is slow.
const MOST_VALUES: [u64; 2] = [1 << 27, 1 << 30];

/// What a call about models goes by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// A description.
    #[default]
    Description,
    /// A network or a layer that runs.
    Run,
    /// Timings that are recorded.
    Timings,
}

/// What a measure has cost so far, and what it asked.
#[derive(Default)]
pub(super) struct Account {
    slow: bool,
    stop: Arc<AtomicBool>,
    steps: u64,
    work: u64,
    networks: BTreeSet<String>,
    /// Why nothing is evaluated any more. It stays: operators such as `||` pass over an error on one side.
    pub(super) refused: Option<String>,
    /// The calls about models.
    pub(super) calls: Vec<Call>,
    /// What the farthest of them went by.
    pub(super) source: Source,
    /// What is not at hand that one of them asked for. It stays, as what is refused does.
    pub(super) lacking: Option<String>,
}

thread_local! {
    static ACCOUNT: RefCell<Account> = RefCell::default();
}

/// Opens the account of a measure.
pub(super) fn open(slow: bool, stop: &Arc<AtomicBool>) {
    ACCOUNT.set(Account {
        slow,
        stop: Arc::clone(stop),
        ..Account::default()
    });
}

/// Closes it.
pub(super) fn close() -> Account {
    ACCOUNT.take()
}

/// Notes a call that was made.
pub(super) fn called(call: Call, source: Source) {
    ACCOUNT.with_borrow_mut(|account| {
        account.calls.push(call);
        account.source = account.source.max(source);
    });
}

/// Notes that something is not at hand that a measure asks for, so that it has no value here, and hands on what that is.
pub(super) fn lacking(what: String) -> String {
    ACCOUNT.with_borrow_mut(|account| account.lacking.get_or_insert(what).clone())
}

/// Describing and reading the network of that name, or finding out that there is none: it costs the same whether another measure
/// has asked for it or not.
pub(super) fn network(name: &str, built: Option<&Graph>) -> Result<(), String> {
    ACCOUNT.with_borrow_mut(|account| match built {
        Some(graph) => {
            let layers = graph.nodes().len() as u64;
            let is_new = account.networks.insert(name.to_string());
            account.step(match is_new {
                true => layers * STEPS_OF_A_LAYER,
                false => layers / LAYERS_IN_A_STEP,
            })
        }
        None => account.step(STEPS_OF_NO_NETWORK),
    })
}

/// So many steps.
pub(super) fn steps(steps: u64) -> Result<(), String> {
    ACCOUNT.with_borrow_mut(|account| account.step(steps))
}

/// A value that a measure has made or reads: a step, and one for each of its parts.
pub(super) fn value(value: &dyn Val) -> Result<(), String> {
    ACCOUNT.with_borrow_mut(|account| {
        account.step(1)?;
        let mut parts = 0;
        let within = count(value, 0, &mut parts);
        within.or_else(|what| account.refuse(what))?;
        account.step(parts)
    })
}

/// A run of a network: `passes` times its multiply-accumulates for each of the samples.
pub(super) fn run(
    call: &str,
    [macs, activations, params]: [u64; 3],
    samples: usize,
    passes: u64,
) -> Result<(), String> {
    let each = macs.saturating_mul(passes).saturating_add(activations);
    let work = each.saturating_mul(samples as u64).saturating_add(params);
    let values = activations
        .saturating_mul(samples as u64)
        .saturating_add(params);
    ACCOUNT.with_borrow_mut(|account| {
        account.step(1)?;
        account.work = account.work.saturating_add(work);
        for (cost, most, of) in [
            (values, MOST_VALUES, "values at once"),
            (account.work, MOST_WORK, "multiply-accumulates"),
        ] {
            let [quick, slow] = most;
            let what = match account.slow {
                _ if cost > slow => {
                    format!("{call} would take {cost} {of}; {slow} are the most")
                }
                false if cost > quick => format!(
                    "{call} would take {cost} {of}; {quick} are the most without `slow = true`"
                ),
                _ => continue,
            };
            return account.refuse(what);
        }
        Ok(())
    })
}

/// Whether whoever waits for the measure has stopped it.
pub(super) fn goes_on() -> bool {
    ACCOUNT.with_borrow(|account| !account.stop.load(Ordering::Relaxed))
}

impl Account {
    fn step(&mut self, steps: u64) -> Result<(), String> {
        if let Some(what) = &self.refused {
            return Err(what.clone());
        }
        self.steps = self.steps.saturating_add(steps);
        if self.steps > MOST_STEPS {
            return self.refuse(format!("it takes more than {MOST_STEPS} steps"));
        }
        match self.stop.load(Ordering::Relaxed) {
            true => self.refuse("it was stopped".into()),
            false => Ok(()),
        }
    }

    fn refuse(&mut self, what: String) -> Result<(), String> {
        self.refused = Some(what.clone());
        Err(what)
    }
}

/// Adds the parts of a value, as far as it may have them.
fn count(value: &dyn Val, depth: usize, parts: &mut u64) -> Result<(), String> {
    if depth > MOST_LEVELS {
        return Err(format!(
            "a value has more than {MOST_LEVELS} lists one within the other"
        ));
    }
    if let Some(list) = value.downcast_ref::<CelList>() {
        for value in list.inner() {
            *parts += 1;
            count(value.as_ref(), depth + 1, parts)?;
        }
    } else if let Some(map) = value.downcast_ref::<CelMap>() {
        // a sum has no order
        map.inner().iter().try_for_each(|(key, value)| {
            *parts += 2;
            count(key.inner(), depth + 1, parts)?;
            count(value.as_ref(), depth + 1, parts)
        })?;
    } else if let Some(text) = value.downcast_ref::<CelString>() {
        *parts += text.inner().len() as u64 / 8;
    } else if let Some(bytes) = value.downcast_ref::<CelBytes>() {
        *parts += bytes.inner().len() as u64 / 8;
    } else if let Some(within) = value
        .downcast_ref::<CelOptional>()
        .and_then(|one| one.option())
    {
        *parts += 1;
        count(within, depth + 1, parts)?;
    }
    match *parts > MOST_PARTS {
        true => Err(format!(
            "a value has more than {MOST_PARTS} parts (elements of lists, and each eight bytes of a text)"
        )),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::Datum;
    use crate::evidence::Evaluator;
    use crate::zoo::Registry;
    use std::thread;
    use std::time::{Duration, Instant};

    fn fault(evaluator: &Evaluator, expression: &str, slow: bool) -> String {
        let error = evaluator.evaluate(expression, slow).unwrap_err();
        assert!(!error.contains('\n') && error.len() < 1000, "{error}");
        error
    }

    /// `times` within one another, each over ten numbers.
    fn loops(of: &str, times: usize, within: &str) -> String {
        let names: Vec<String> = (0..times).map(|i| format!("x{i}")).collect();
        names.iter().rev().fold(within.to_string(), |within, name| {
            format!("[0,1,2,3,4,5,6,7,8,9].{of}({name}, {within})")
        })
    }

    #[test]
    fn steps_parts_and_depth_are_bounded() {
        let evaluator = Evaluator::new(&Registry::builtin());
        let grown = |seed: &str, join: &str, times: usize| {
            let eight = ["x"; 8].join(join);
            (0..times).fold(seed.to_string(), |value, _| {
                format!("[{value}].map(x, {eight})[0]")
            })
        };
        let deep = |inside: &str| format!("{}{inside}{}", "[".repeat(40), "]".repeat(40));
        for (expression, what) in [
            (loops("map", 8, "x7"), "steps"),
            (grown("'abcdefgh'", " + ", 10), "parts"),
            (grown("[1, 2]", " + ", 10), "parts"),
            (grown("b'abcdefgh'", " + ", 10), "parts"),
            (
                format!(
                    "size([{}].map(x, [{}])[0])",
                    grown("[1]", " + ", 5),
                    ["x"; 100].join(",")
                ),
                "parts",
            ),
            (
                format!("{} == 1", deep(&format!("[1].map(x, {})", deep("x")))),
                "one within",
            ),
            // an error that an operator passes over is one all the same
            (format!("{} || true", loops("all", 8, "x0 >= 0")), "steps"),
            (
                format!(
                    "[1, 2].exists(x, {} == '') || true",
                    grown("'abcdefgh'", " + ", 10)
                ),
                "parts",
            ),
            (
                format!("optional.of({}).hasValue()", grown("'abcdefgh'", " + ", 10)),
                "parts",
            ),
            (
                loops(
                    "all",
                    4,
                    "params('resnet18{classes=' + string(1 + x0 + 10 * x1 + 100 * x2 + 1000 * x3) + '}') > 0",
                ),
                "steps",
            ),
            (
                loops(
                    "exists",
                    5,
                    "params('resnet18{classes=' + string(-1 - x0) + '}') > 0",
                ),
                "steps",
            ),
        ] {
            let begin = Instant::now();
            let error = fault(&evaluator, &expression, false);
            assert!(error.contains(what), "{expression}: {error}");
            assert!(begin.elapsed() < Duration::from_secs(60), "{expression}");
        }
    }

    #[test]
    fn what_is_bounded_by_the_networks_counts_is_higher_where_it_is_slow() {
        let evaluator = Evaluator::new(&Registry::builtin());
        for (expression, slow, what) in [
            (
                "first_loss('resnet152', 'torch', 0, 8, 'train')",
                false,
                "slow = true",
            ),
            (
                "first_loss('resnet152', 'torch', 0, 4096, 'train')",
                true,
                "the most",
            ),
            (
                "first_loss('resnet152', 'torch', 0, 9223372036854775807, 'train')",
                true,
                "the most",
            ),
            (
                "gradient_norms('vgg16', 'conv', 'torch', 0)",
                false,
                "slow = true",
            ),
            (
                "zero_gradients('vgg16', 'torch', 0, 8)",
                false,
                "slow = true",
            ),
            (
                "reach('vgg16@3x512x512', 'features.0')",
                false,
                "slow = true",
            ),
            (
                "difference('vgg16@3x512x512', 'vgg16@3x512x512', 'torch', 0)",
                false,
                "slow = true",
            ),
        ] {
            let error = fault(&evaluator, expression, slow);
            assert!(error.contains(what), "{expression}: {error}");
        }
    }

    /// What has the same value with and without being counted, in every form of CEL.
    #[test]
    fn counting_changes_no_value() {
        let evaluator = Evaluator::new(&Registry::builtin());
        let truths = [
            "[1, 2, 3].map(x, x * 2) == [2, 4, 6]",
            "[1, 2, 3].map(x, x > 1, x * 2) == [4, 6]",
            "[1, 2, 3].filter(x, x != 2) == [1, 3]",
            "[[1], [2]].map(x, x.map(y, [y])) == [[[1]], [[2]]]",
            "[1, 2].exists_one(x, x == 2) && ![1, 1].exists_one(x, x == 1)",
            "[1, 0].exists(x, 4 / x == 4) && ![0, 1].all(x, 4 / x == 5)",
            "{'a': {'b': 1}}.a.b == 1 && has({'a': 1}.a) && !has({'a': 1}.b)",
            "[{'a': 1}].map(x, x.a)[0] == 1 && [{'a': {'b': 2}}].all(x, x.a.b == 2 && has(x.a.b))",
            "{'a': 1, 'b': 2}.map(k, k).size() == 2 && 'a' in {'a': 1}",
            "optional.of(42).optMap(y, y + 1).value() == 43",
            "!{'k': {}}.?k.optFlatMap(k, k.?s).hasValue()",
            "optional.none().orValue(3) == 3 && [1][?5].orValue(2) == 2",
            "optional.of(3).optMap(optional, optional * 2).value() == 6",
            "[?optional.none(), 1] == [1] && {?'a': optional.of(1)} == {'a': 1}",
            "type(1) == int && type([]) == list && dyn(1) == 1",
            "'abc'.startsWith('a') && 'abc'.endsWith('c') && 'abc'.contains('b')",
            "size('abc') == 3 && 'abc'.size() == 3 && [1, 2].size() == 2 && size([1]) == 1",
            "int('3') == 3 && string(3) == '3' && double(3) == 3.0 && uint(3) == 3u",
            "bytes('a') == b'a' && -(-1) == 1 && !!true && 7 % 4 == 3",
            "(true ? 1 : 2) == 1 && (false || true) && 1 in [1, 2] && 1 != 2 && 'a' < 'b'",
            "[1, 2].map(x, [x, x])[1][0] == 2 && [[1, 2]][0][1] == 2",
        ];
        for expression in truths {
            let found = evaluator.evaluate(expression, false);
            let value = found.unwrap().found().unwrap().value.clone();
            assert_eq!(value, Datum::Bool(true), "{expression}");
        }
    }

    /// What is as nested as a measure may be is evaluated on a stack that suffices.
    #[test]
    fn what_is_parsed_is_evaluated() {
        let evaluator = Evaluator::new(&Registry::builtin());
        let terms = |n: usize, term: &str, sign: &str| vec![term; n].join(sign);
        for expression in [
            terms(500, "1", " + "),
            terms(250, "[1]", "+"),
            format!("[1]{}", ".map(x, x)".repeat(240)),
            format!("optional.of(1){}", ".optMap(x, x)".repeat(240)),
            format!("{}1{}", "[1].map(x, ".repeat(60), ")".repeat(60)),
            format!("{}1{}", "(".repeat(60), ")".repeat(60)),
            format!("{}.a", "{'a': ".repeat(60) + "1" + &"}".repeat(60)),
        ] {
            let value = evaluator.evaluate(&expression, false);
            let start: String = expression.chars().take(30).collect();
            // a map, or an optional, is no value of a measure
            assert!(
                value.is_ok() || value.is_err_and(|what| what.contains("no value of a measure")),
                "{start}"
            );
        }
    }

    #[test]
    fn a_measure_stops_within_a_second() {
        for (expression, slow) in [
            (loops("all", 8, "x0 >= 0"), false),
            (
                "[1, 2, 3].all(x, gradient_norms('resnet18@3x64x64', 'conv', 'torch', x) != [])"
                    .into(),
                true,
            ),
        ] {
            let evaluator = Evaluator::new(&Registry::builtin());
            let stop = evaluator.stop();
            thread::scope(|scope| {
                let measuring = scope.spawn(|| evaluator.evaluate(&expression, slow));
                thread::sleep(Duration::from_millis(300));
                assert!(!measuring.is_finished(), "{expression}: it takes longer");
                let begin = Instant::now();
                stop.store(true, Ordering::Relaxed);
                let error = measuring.join().unwrap().unwrap_err();
                assert!(error.contains("stopped"), "{error}");
                assert!(
                    begin.elapsed() < Duration::from_secs(5),
                    "{:?}",
                    begin.elapsed()
                );
            });
        }
    }
}
