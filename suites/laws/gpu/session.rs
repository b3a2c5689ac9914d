//! Laws over sessions: weights come back, the order of threads decides nothing, what cannot run says why.

use super::case::{Case, all, apart, emulator, keyed, largest, setup};
use super::learning::mixed;
use super::{NETS, graphs, net, training};
use candle_core::{DType, Tensor};
use convcheck::bench::{OnDevice, StepKind, Workload};
use convcheck::gpu::{Element, Precision, Session};
use convcheck::graph::{Graph, Shape, Value, conv};
use convcheck::net::{Fill, Norm};
use convcheck::zoo::Registry;
use std::collections::BTreeMap;

pub fn come_back() {
    let small = NETS[..8].iter().map(|&(name, side)| net(name, side));
    for graph in small.chain([mixed()]) {
        let weights = Fill::Default.weights(&graph, DType::F32).unwrap();
        for (element, learns) in [(Element::F32, true), (Element::Bf16, false)] {
            let training = training(Norm::Torch);
            let for_it = setup(&graph, element, &[2], learns.then_some(&training));
            let mut session = Session::new(&for_it, &weights, emulator).unwrap();
            assert_eq!(all(session.weights().unwrap()), all(weights.clone()));
        }
    }
}

pub fn order() {
    let nets = ["resnet20_cifar", "lenet5_1998", "densenet_l28_k4_digits"];
    let graphs = graphs(20)
        .into_iter()
        .chain(nets.map(|name| net(name, None)));
    for graph in graphs {
        let training = training(Norm::Running);
        let case = Case::new(graph, 3, 2);
        let of = |reversed| {
            let mut session = case.session(Element::Bf16, &training);
            session.machine().reversed = reversed;
            let computed = case.gpu(&mut session, 2);
            let bits = |numbers: &[f64]| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            let weights: Vec<_> = computed.weights.values().map(|x| bits(x)).collect();
            (bits(&computed.scores), computed.loss.to_bits(), weights)
        };
        assert!(of(false) == of(true), "{:?}", case.graph.prediction());
    }
}

pub fn errors() {
    let says = |graph: &Graph, batch: usize, learns: bool, what: &str| {
        let weights = Fill::Default.weights(graph, DType::F32).unwrap();
        let (training, batch) = (training(Norm::Torch), [batch]);
        let for_it = setup(graph, Element::F32, &batch, learns.then_some(&training));
        let session = Session::new(&for_it, &weights, emulator);
        let error = session
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(error.contains(what), "{error}, not {what}");
    };
    let graph = mixed();
    says(&graph, 0, false, "a batch of 0");
    says(&graph, 1 << 40, false, "use a smaller batch");
    let build =
        |describe: fn(Value<'_>) -> Value<'_>| Graph::build(Shape::map(2, 4, 4), describe).unwrap();
    says(
        &build(|x| x.conv("a", conv(2, 3))),
        2,
        true,
        "has no scores",
    );
    says(
        &build(|x| x.global_avg_pool().bn("a").flatten().linear("fc", 2)),
        1,
        true,
        "more than one value",
    );
    let case = Case::new(graph.clone(), 2, 1);
    let mut weights = case.weights.clone();
    let made = |weights: &BTreeMap<String, Tensor>| {
        Session::new(&setup(&graph, Element::F32, &[2], None), weights, emulator)
            .map_err(|error| error.to_string())
    };
    let mut session = made(&weights).unwrap();
    let error = session.learn(&[0, 1], keyed(1)).unwrap_err().to_string();
    assert!(error.contains("does not learn"), "{error}");
    assert!(session.load(&case.x.narrow(0, 0, 1).unwrap()).is_err());
    let one = weights.remove("fc.bias").unwrap();
    assert!(
        made(&weights)
            .err()
            .unwrap()
            .contains("1 missing (fc.bias)")
    );
    weights.insert("fc.bias".into(), one.clone());
    weights.insert("other".into(), one.clone());
    assert!(
        made(&weights)
            .err()
            .unwrap()
            .contains("1 unexpected (other)")
    );
    weights.remove("other");
    weights.insert("norm.bias".into(), one);
    assert!(
        made(&weights)
            .err()
            .unwrap()
            .contains("(norm.bias [5], not [4])")
    );
    let mut session = case.session(Element::F32, &training(Norm::Torch));
    for labels in [&[0][..], &[0, 5]] {
        assert!(session.learn(labels, keyed(1)).is_err());
    }
}

/// Whoever asks after each step and whoever asks after many hears the same of each, of batches of any size.
pub fn said() {
    let graph = Graph::build(Shape::map(1, 2, 2), |x| x.flatten().linear("fc", 3)).unwrap();
    let training = training(Norm::Torch);
    let weights = Fill::Default.weights(&graph, DType::F32).unwrap();
    let for_it = setup(&graph, Element::F32, &[2, 5], Some(&training));
    let made = || Session::new(&for_it, &weights, emulator).unwrap();
    let (mut often, mut seldom) = (made(), made());
    let (mut after_each, mut known) = (Vec::new(), Vec::new());
    for number in 1..=600 {
        let images = if number % 7 == 0 { 2 } else { 5 };
        let case = Case::new(graph.clone(), images, number);
        after_each.push(often.step(&case.x, &case.labels, keyed(number)).unwrap());
        seldom.load(&case.x).unwrap();
        seldom.learn(&case.labels, keyed(number)).unwrap();
        if number == 300 {
            known = seldom.outcomes(false).unwrap();
            assert!((1..300).contains(&known.len()), "{}", known.len());
        }
    }
    known.extend(seldom.outcomes(true).unwrap());
    assert_eq!(known, after_each);
    assert_eq!(seldom.outcomes(true).unwrap(), []);
    assert!(after_each.iter().any(|step| step.right > 0) && after_each[6].images == 2);
}

/// What is timed on a device moves the weights to where what is timed on the CPU does.
pub fn timed() {
    let model = Registry::builtin().find("resnet20_digits").unwrap();
    let mut cpu = Workload::new(&model, 4, StepKind::Training).unwrap();
    let on = |step| OnDevice::new(&model, 4, step, Precision::F32, emulator).unwrap();
    let mut gpu = on(StepKind::Training);
    assert_eq!(gpu.what(), cpu.what());
    for _ in 0..2 {
        cpu.run().unwrap();
        gpu.run().unwrap();
    }
    let weights = gpu.session().weights().unwrap();
    let before = all(on(StepKind::Training).session().weights().unwrap());
    let there = all((cpu.net().weights())
        .map(|(name, _, weight)| (name, weight.clone()))
        .collect());
    for (name, here) in all(weights) {
        let there = &there[&name];
        let far = apart(&here, there);
        assert!(far <= 1e-5 * largest(there).max(1.0), "{name}: {far:e}");
        assert!(apart(&here, &before[&name]) > 0.0, "{name} stays");
    }
    let mut still = on(StepKind::Inference);
    still.run().unwrap();
    assert_eq!(all(still.session().weights().unwrap()), before);
}
