//! Evaluates measures: CEL over the functions of [`super::functions`].

use super::budget::{self, Account, Source};
use super::division::{DIVIDE, divide, make_exact};
use super::functions::{FUNCTIONS, Graphs};
use super::metered::{METER, meter, metered};
use super::timings::Timings;
use super::{Call, Evidence, Found};
use crate::claim::{CEL, Datum, MOST_LEVELS, deep, parsed};
use crate::digest;
use crate::nearest::did_you_mean;
use crate::zoo::Registry;
use cel::common::value::CowVal;
use cel::extractors::Arguments;
use cel::{Context, ExecutionError, FunctionContext};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Evaluates measures, on as many threads as one likes. It builds each network once and keeps it.
pub struct Evaluator {
    context: Context<'static, 'static>,
    graphs: Arc<Graphs>,
    stop: Arc<AtomicBool>,
}

/// A function that hands on what it is given, uncopied.
type Hands = Box<
    dyn for<'a, 'v> Fn(&mut FunctionContext<'a, 'v>) -> Result<CowVal<'a, 'v>, ExecutionError>
        + Send
        + Sync,
>;

/// Characters of an error that quotes values.
const MOST_SAID: usize = 500;

impl Evaluator {
    /// An evaluator over the models of a registry, with no timings at hand.
    pub fn new(registry: &Registry) -> Evaluator {
        Evaluator::with_timings(registry, Timings::default())
    }

    /// An evaluator over the models of a registry and recorded timings.
    pub fn with_timings(registry: &Registry, timings: Timings) -> Evaluator {
        let mut context = Context::with_env(Arc::clone(&CEL));
        let graphs = Arc::new(Graphs::new(registry.clone()));
        let timings = Arc::new(timings);
        for function in FUNCTIONS {
            let (graphs, timings) = (Arc::clone(&graphs), Arc::clone(&timings));
            let call = move |ftx: &FunctionContext, Arguments(args): Arguments| {
                let args = args
                    .iter()
                    .map(|arg| from_cel(arg).map_err(|what| ftx.error(what)))
                    .collect::<Result<Vec<_>, _>>()?;
                let found = function
                    .call(&graphs, &timings, &args)
                    .map_err(|what| ftx.error(what))?;
                if let Some(source) = function.source() {
                    let call = Call {
                        function: function.name.to_string(),
                        arguments: args,
                        value: found.clone(),
                    };
                    budget::called(call, source);
                }
                Ok::<cel::Value, ExecutionError>(to_cel(&found))
            };
            context
                .add_function(function.name, call)
                .expect("no function of ours has the name of a standard one");
        }
        context
            .add_function(DIVIDE, divide)
            .and_then(|()| context.add_function(METER, Box::new(meter) as Hands))
            .expect("no standard function has their names");
        Evaluator {
            context,
            graphs,
            stop: Arc::default(),
        }
    }

    /// The flag that stops the measure that is evaluated, and all behind it, once it is set.
    pub fn stop(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// The value of a measure with the calls about models that led to it, or which timings it lacks. What it may cost is
    /// bounded, higher if it is `slow`.
    ///
    /// # Errors
    /// One line on what is unknown, impossible or too large.
    pub fn evaluate(&self, expression: &str, slow: bool) -> Result<Evidence, String> {
        let (value, account) = deep(expression, || {
            budget::open(slow, &self.stop);
            let value = self.value(expression);
            (value, budget::close())
        });
        let Account {
            calls: mut made,
            source,
            lacking,
            refused,
            ..
        } = account;
        match (refused, lacking) {
            (Some(what), _) => return Err(what),
            (None, Some(what)) => return Ok(Evidence::Lacking(what)),
            (None, None) => {}
        }
        let value = value?;
        // a comprehension may ask the same thing many times
        let mut seen = BTreeSet::new();
        made.retain(|call| seen.insert(call.to_string()));
        let found = Found { value, calls: made };
        Ok(match source {
            Source::Description => Evidence::Structural(found),
            Source::Run => Evidence::Numerical(found),
            Source::Timings => Evidence::Timed(found),
        })
    }

    fn value(&self, expression: &str) -> Result<Datum, String> {
        let mut parsed = parsed(expression).map_err(|fault| fault.what)?;
        make_exact(&mut parsed);
        metered(&mut parsed);
        let found = cel::Value::resolve(&parsed, &self.context).map_err(explain)?;
        from_cel(&found)
    }

    /// Digest of the networks that calls name, as they are described now; nothing if they name none.
    pub fn means(&self, calls: &[Call]) -> Option<String> {
        let texts = calls.iter().flat_map(Call::texts);
        let networks = texts.filter_map(|text| Some((text, self.graphs.digest(text)?)));
        let networks: BTreeMap<&str, String> = networks.collect();
        (!networks.is_empty()).then(|| digest::of_json(&networks))
    }
}

fn to_cel(value: &Datum) -> cel::Value {
    match value {
        Datum::Bool(truth) => cel::Value::Bool(*truth),
        Datum::Int(n) => cel::Value::Int(*n),
        Datum::Float(x) => cel::Value::Float(*x),
        Datum::Text(text) => cel::Value::String(Arc::new(text.clone())),
        Datum::List(values) => cel::Value::List(Arc::new(values.iter().map(to_cel).collect())),
    }
}

fn from_cel(value: &cel::Value) -> Result<Datum, String> {
    within(value, MOST_LEVELS)
}

/// A value that may have so many levels of lists.
fn within(value: &cel::Value, levels: usize) -> Result<Datum, String> {
    Ok(match value {
        cel::Value::Bool(truth) => Datum::Bool(*truth),
        cel::Value::Int(n) => Datum::Int(*n),
        cel::Value::UInt(n) => {
            Datum::Int(i64::try_from(*n).map_err(|_| format!("{n} exceeds 2^63 - 1"))?)
        }
        cel::Value::Float(x) => Datum::Float(*x),
        cel::Value::String(text) => Datum::Text(text.to_string()),
        cel::Value::List(values) => {
            let Some(levels) = levels.checked_sub(1) else {
                return Err(format!(
                    "a list has more than {MOST_LEVELS} levels of lists, the most that a record can hold"
                ));
            };
            let values = values.iter().map(|value| within(value, levels));
            Datum::List(values.collect::<Result<_, _>>()?)
        }
        other => {
            return Err(format!(
                "a {} is no value of a measure: it must be a number, truth, text or a list",
                other.type_of()
            ));
        }
    })
}

/// An execution error in one line, in the words of suites.
fn explain(error: ExecutionError) -> String {
    let what = in_words(error);
    match what.char_indices().nth(MOST_SAID) {
        Some((end, _)) => format!("{} ...", &what[..end]),
        None => what,
    }
}

fn in_words(error: ExecutionError) -> String {
    match error {
        ExecutionError::FunctionError { function, message } if function == DIVIDE => message,
        ExecutionError::FunctionError { function, message } => format!("{function}: {message}"),
        ExecutionError::UndeclaredReference(name) => {
            let known = FUNCTIONS.iter().map(|function| function.name);
            let hint = did_you_mean(&name, known, "convcheck list functions");
            format!("there is no `{name}`; {hint}")
        }
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "divides by zero".into()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::QUANTITIES;

    fn found(evaluator: &Evaluator, expression: &str) -> Found {
        let evidence = evaluator.evaluate(expression, false).unwrap();
        evidence.found().unwrap().clone()
    }

    /// Every quantity has a function of its name.
    #[test]
    fn every_quantity_can_be_measured() {
        for quantity in QUANTITIES {
            assert!(
                FUNCTIONS
                    .iter()
                    .any(|function| function.name == quantity.name),
                "{}",
                quantity.name
            );
        }
    }

    #[test]
    fn faults_are_one_line_that_names_them() {
        let evaluator = Evaluator::new(&Registry::builtin());
        for (expression, says) in [
            ("params('vgg61')", "vgg16"),
            ("params('vgg16', 'features.99')", "features.9"),
            ("parms('vgg16')", "params"),
            ("1 / 0", "divides by zero"),
            ("1 % 0", "divides by zero"),
            ("138357544 / 1000000", "ratio(138357544, 1000000)"),
            ("[7].map(n, {'a': n / 2}.a)", "quotient(7, 2)"),
            ("5u / 2u", "ratio(5, 2)"),
            ("1 / 2.0", "ratio(1, 2.0)"),
            ("1.5 / 2", "1.5 / 2.0"),
            ("quotient(1, 0)", "divides by zero"),
            ("ratio(1, 0)", "divides by zero"),
            ("params(7)", "text"),
            ("params()", "params(model"),
            ("9223372036854775807 + 1", "verflow"),
            (
                "macs('vgg16_fully_convolutional@3x4000000000x4000000000')",
                "2^64",
            ),
            ("output('vgg_paper_d@3x256x256')", "fc6"),
            ("{'a': 1}", "map"),
            (
                "first_loss('article_lenet5_cifar10', 'torch', 0, 4611686018427387904, 'train')",
                "the most",
            ),
            (
                "first_loss('article_lenet5_cifar10', 'torch', 0, 0, 'train')",
                "takes",
            ),
            ("forward('relu_10@16x60000x60000', 'torch', 0)", "the most"),
            ("lrn([], 5, 1.0, 1.0, 1.0)", "channel"),
            ("forward('relu_10', 'random', 0)", "glorot"),
        ] {
            let error = evaluator.evaluate(expression, false).unwrap_err();
            assert!(error.contains(says), "{expression}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    /// What a measure finds can be written down and read again.
    #[test]
    fn lists_have_levels_that_a_record_can_hold() {
        let evaluator = Evaluator::new(&Registry::builtin());
        // a measure that is so deep is an error of its parser
        let nested = |levels: usize| {
            let mut value = cel::Value::Int(1);
            for _ in 0..levels {
                value = cel::Value::List(Arc::new(vec![value]));
            }
            from_cel(&value)
        };
        assert!(nested(MOST_LEVELS).is_ok());
        let error = nested(MOST_LEVELS + 1).unwrap_err();
        assert!(error.contains("levels"), "{error}");
        let found = found(&evaluator, "[double('inf'), [double('NaN')]]");
        assert!(found.value.not_finite().is_some());
    }

    #[test]
    fn other_names_measure_the_same() {
        let evaluator = Evaluator::new(&Registry::builtin());
        for pair in [
            "[links('densenet_cifar_l40_k12'), layer_links('densenet_cifar_l40_k12')]",
            "[ways('resnet20_cifar'), path_count('resnet20_cifar')]",
            "[idle('article_pt_resnet18_cifar10'), params_without_grad('article_pt_resnet18_cifar10')]",
        ] {
            let Datum::List(both) = found(&evaluator, pair).value else {
                panic!("{pair} is a list");
            };
            assert_eq!(both[0], both[1]);
            assert_ne!(both[0], Datum::List(Vec::new()), "{pair}");
        }
    }

    #[test]
    fn a_division_is_exact() {
        let evaluator = Evaluator::new(&Registry::builtin());
        for (expression, value) in [
            ("50000 / 10", Datum::Int(5000)),
            ("-6 / 3", Datum::Int(-2)),
            ("1.0 / 4.0", Datum::Float(0.25)),
            ("ratio(1, 4)", Datum::Float(0.25)),
            ("quotient(7, 2)", Datum::Int(3)),
            ("quotient(-7, 2)", Datum::Int(-3)),
        ] {
            assert_eq!(found(&evaluator, expression).value, value);
        }
    }

    /// What is evaluated on one thread is no evidence for what is evaluated on another.
    #[test]
    fn threads_may_share_an_evaluator() {
        let evaluator = Evaluator::new(&Registry::builtin());
        std::thread::scope(|scope| {
            for layer in ["conv1", "conv2", "conv3", "conv4"] {
                let measure = format!("params('alexnet_2012_grouped', '{layer}')");
                let evaluator = &evaluator;
                scope.spawn(move || {
                    for _ in 0..200 {
                        let found = found(evaluator, &measure);
                        let called: Vec<_> = found.calls.iter().map(|call| call.text(1)).collect();
                        assert_eq!(called, [Some(layer)]);
                    }
                });
            }
        });
    }

    #[test]
    fn a_measure_reports_the_calls_that_it_made() {
        let evaluator = Evaluator::new(&Registry::builtin());
        let evidence = evaluator
            .evaluate("params('alexnet_2012_grouped', 'conv1') - 96", false)
            .unwrap();
        let Evidence::Structural(found) = evidence else {
            panic!("{evidence:?} is counted")
        };
        assert_eq!(found.value, Datum::Int(11 * 11 * 3 * 96));
        let call = Call {
            function: "params".into(),
            arguments: vec!["alexnet_2012_grouped".into(), "conv1".into()],
            value: Datum::Int(34_944),
        };
        assert_eq!(
            call.to_string(),
            "params('alexnet_2012_grouped', 'conv1') = 34,944"
        );
        assert_eq!(found.calls, [call]);
        let evidence = evaluator.evaluate("lrn([1.0], 1, 1.0, 1.0, 1.0)", false);
        assert!(
            matches!(evidence, Ok(Evidence::Numerical(_))),
            "normalising runs a layer"
        );
    }
}
