//! Laws over what is timed: a step does what its name says, and the page shows what was measured.

use super::pages::{lead_somewhere, provenance, render, stand_alone};
use crate::law;
use candle_core::Tensor;
use convcheck::bench::{Engine, NETS, Pass, Platform, Resource, StepKind, Timing, What, Workload};
use convcheck::bench::{against, kernels, samples};
use convcheck::evidence::Training;
use convcheck::net::Net;
use convcheck::report::{Page, speed_markdown, speed_text};
use convcheck::visible;
use convcheck::zoo::Registry;
use libtest_mimic::Trial;
use std::time::Duration;

pub fn trials() -> Vec<Trial> {
    vec![
        law("bench::a-training-step-moves-every-weight", training),
        law("bench::an-inference-step-moves-nothing", inference),
        law("bench::networks-that-are-timed-are-registered", registered),
        law(
            "bench::kernels-run-and-have-names-of-their-own",
            kernels_run,
        ),
        law("bench::ratios-are-taken-within-a-round", ratios),
        law("bench::the-page-shows-what-was-measured", page),
        law(
            "bench::what-was-measured-elsewhere-is-shown-by-itself",
            elsewhere,
        ),
        law("bench::hostile-timings-are-escaped", hostile),
    ]
}

fn weights(net: &Net) -> Vec<(String, Vec<f32>)> {
    let numbers = |weight: &Tensor| weight.flatten_all().unwrap().to_vec1().unwrap();
    let weights = net.weights();
    weights
        .map(|(name, _, weight)| (name, numbers(weight)))
        .collect()
}

fn workload(step: StepKind) -> Workload {
    Workload::new(
        &Registry::builtin().find("resnet20_digits").unwrap(),
        4,
        step,
    )
    .unwrap()
}

/// And twice the same way.
fn training() {
    let after = |steps: usize| {
        let mut workload = workload(StepKind::Training);
        (0..steps).for_each(|_| workload.run().unwrap());
        weights(workload.net())
    };
    let (before, after, again) = (after(0), after(2), after(2));
    assert_eq!(after, again);
    for ((name, before), (_, after)) in before.iter().zip(&after) {
        assert_ne!(before, after, "{name}");
        assert!(after.iter().all(|x| x.is_finite()), "{name}");
    }
}

fn inference() {
    let mut workload = workload(StepKind::Inference);
    let before = weights(workload.net());
    let (mut taken, warm_up) = (0, (2, Duration::ZERO));
    let mut step = || {
        taken += 1;
        workload.run()
    };
    let samples_of_three = samples(warm_up, 3, &|| true, &mut step).unwrap();
    assert_eq!((samples_of_three.seconds.len(), taken), (3, 5));
    assert_eq!(before, weights(workload.net()));
    assert!(samples(warm_up, 1, &|| false, || workload.run()).is_err());
}

fn registered() {
    for (name, _) in NETS {
        Registry::builtin().find(name).unwrap();
    }
}

fn kernels_run() {
    let mut seen = Vec::new();
    for kernel in kernels() {
        let what = kernel.what();
        assert!(!seen.contains(&what), "{what:?} twice");
        let What::Kernel { flop, bytes, .. } = what else {
            panic!("{what:?} is no kernel")
        };
        assert!(flop > 0 && bytes > 0);
        // the smallest few; all of them would take long
        if flop < 40_000_000 {
            kernel.ready().unwrap()().unwrap();
        }
        seen.push(what);
    }
}

fn timing(engine: Engine, what: What, round: u32, seconds: &[f64]) -> Timing {
    Timing {
        engine,
        version: "1".into(),
        what,
        dtype: "f32".into(),
        threads: 2,
        round,
        machine: "a machine".into(),
        date: "1970-01-01".into(),
        seconds: seconds.to_vec(),
        cpu_seconds: None,
    }
}

fn network(step: StepKind) -> What {
    What::Network {
        model: "resnet18".into(),
        batch: 8,
        step,
    }
}

/// What slows both in a round does not change the ratio; rounds without a partner do not count.
fn ratios() {
    let what = network(StepKind::Inference);
    let of = |engine, round, seconds: &[f64]| timing(engine, what.clone(), round, seconds);
    let (ours, theirs) = (Engine::Convcheck, Engine::Pytorch);
    let timings = [
        of(ours, 1, &[1.0, 9.0, 1.0]),
        of(theirs, 1, &[2.0]),
        of(ours, 2, &[10.0]),
        of(theirs, 2, &[30.0]),
        of(ours, 3, &[1.0, 3.0]),
        of(theirs, 3, &[8.0]),
        of(theirs, 4, &[99.0]),
    ];
    let platform = timings[0].platform();
    let ratio = against(&timings, &what, platform, theirs).unwrap();
    assert_eq!(ratio.rounds, [2.0, 3.0, 4.0]);
    assert_eq!(ratio.median, 3.0);
    assert_eq!((ratio.interval.low, ratio.interval.high), (2.0, 4.0));
    assert_eq!(against(&timings, &what, platform, Engine::Candle), None);
    // with other threads, in other numbers, on another machine is another measurement
    let (threads, dtype, machine) = (1, "bf16", "another");
    for other in [
        Platform {
            threads,
            ..platform
        },
        Platform { dtype, ..platform },
        Platform {
            machine,
            ..platform
        },
    ] {
        assert_eq!(against(&timings, &what, other, theirs), None);
    }
}

fn timings(name: &str) -> Vec<Timing> {
    let kernel = |pass| What::Kernel {
        name: name.to_string(),
        pass,
        flop: 1_000_000_000,
        bytes: 10_000_000,
    };
    let peak = |of, work| What::Peak { of, work };
    let ours = |what| timing(Engine::Convcheck, what, 1, &[0.1, 0.2]);
    let theirs = |engine| timing(engine, network(StepKind::Training), 1, &[0.3]);
    vec![
        ours(network(StepKind::Inference)),
        ours(network(StepKind::Training)),
        theirs(Engine::Pytorch),
        theirs(Engine::Candle),
        ours(peak(Resource::Arithmetic, 10_000_000_000)),
        ours(peak(Resource::Memory, 1_000_000_000)),
        ours(kernel(Pass::Forward)),
        ours(kernel(Pass::Backward)),
    ]
}

fn pages(timings: &[Timing]) -> Vec<Page> {
    render(
        &[],
        &[],
        &Training::default(),
        timings,
        &provenance(),
        &Registry::builtin(),
    )
    .unwrap()
}

fn page() {
    let timings = timings("conv 3x3");
    let pages = pages(&timings);
    assert_eq!(pages, self::pages(&timings));
    lead_somewhere(&pages);
    stand_alone(&pages);
    let find = |file: &str| pages.iter().find(|page| page.file == file).unwrap();
    assert!(find("index.html").html.contains("\"throughput.html\""));
    let page = &find("throughput.html").html;
    // 8 images in 0.15 s, 0.3 s for the peers; 1e9 operations in 0.15 s of 1e11 a second
    for part in [
        "resnet18", "PyTorch", "candle", "53.3", "26.7", "2 x", "6.7 %",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(page.matches("<svg").count(), 2, "ratios and roofline");
    let sentence = "Against the best peer of each row, convcheck is 2 times as fast in training (the geometric mean of \
                    1 row; least 2 times, on resnet18 at batch 8, to PyTorch).";
    assert!(page.contains(sentence));
    for text in [speed_text(&timings), speed_markdown(&timings)] {
        assert!(text.contains("2 x"), "{text}");
        assert!(text.contains(sentence), "{text}");
        assert!(!text.contains("CPU time"), "{text}");
    }
    // who took no part is not explained
    assert!(page.contains("stock candle"));
    let mut without = timings.clone();
    without.retain(|timing| timing.engine != Engine::Candle);
    let page = &self::pages(&without)[..];
    let page = page.iter().find(|page| page.file == "throughput.html");
    assert!(!page.unwrap().html.contains("candle"));
    // CPU time is shown once it is measured: 0.4 s for two steps
    let mut measured = timings.clone();
    for timing in &mut measured {
        timing.cpu_seconds = Some(0.4);
    }
    let page = &self::pages(&measured)[..];
    let page = page.iter().find(|page| page.file == "throughput.html");
    assert!(page.unwrap().html.contains("<td class=\"number\">200</td>"));
    let text = speed_text(&measured);
    assert!(text.contains("ms of CPU time a step"), "{text}");
    assert!(speed_text(&measured[..2]).contains("CPU ms"));
    // without a peer, kernels or a peak there is less to show, and nothing fails
    for one in &timings {
        self::pages(std::slice::from_ref(one));
        speed_text(std::slice::from_ref(one));
    }
}

/// In other numbers on another machine a network takes a table of its own, whose title says so.
fn elsewhere() {
    let mut timings = timings("conv 3x3");
    let alone = speed_text(&timings);
    let mut there = timings[1].clone();
    there.machine = "a GPU".into();
    there.dtype = "bf16".into();
    there.seconds = vec![0.01];
    let mut faster = timings.clone();
    for timing in &mut faster {
        timing.machine = "a faster CPU".into();
        timing.seconds = vec![0.05];
    }
    timings.push(there);
    timings.extend(faster);
    let text = speed_text(&timings);
    let titles = [
        "f32, 2 threads, a machine",
        "bf16, 2 threads, a GPU",
        "f32, 2 threads, a faster CPU",
    ];
    let places = titles.map(|title| text.lines().position(|line| line == title));
    assert!(places[0].is_some() && places.is_sorted(), "{text}");
    let titled = |title: &str| alone.lines().any(|line| line == title);
    assert!(!titles.iter().any(|title| titled(title)), "{alone}");
    // 8 images in 0.15 s here, in 0.01 s there; what the peers took here is no ratio there
    let row = |place: usize, what: &str| {
        let mut rows = text.lines().skip(places[place].unwrap());
        rows.find(|line| line.contains(what)).unwrap()
    };
    let (here, there) = (row(0, "training"), row(1, "training"));
    assert!(here.contains("53.3") && here.contains(" x"), "{here}");
    assert!(there.contains(" 800 ") && !there.contains(" x"), "{there}");
    // kernels are held against what their own machine can do: 1e9 operations in 0.15 s of 1e11 a second, in 0.05 s of 2e11
    let (here, faster) = (row(0, "backward"), row(2, "backward"));
    assert!(
        here.contains("6.7 %") && faster.contains("10.0 %"),
        "{here}{faster}"
    );
    let pages = pages(&timings);
    let page = pages.iter().find(|page| page.file == "throughput.html");
    let page = &page.unwrap().html;
    assert!(titles.iter().all(|title| page.contains(title)));
}

fn hostile() {
    let mut timings = timings("<script>alert(1)</script>");
    for timing in &mut timings {
        timing.machine = "<img src=x>\u{1b}[2J\n\u{202e}".into();
        timing.version = "<b>1</b>".into();
    }
    for page in pages(&timings) {
        for markup in ["<script>alert", "<img", "<b>1"] {
            assert!(!page.html.contains(markup), "{} has {markup}", page.file);
        }
        assert_eq!(visible::text(&page.html), page.html);
    }
    let markdown = speed_markdown(&timings);
    assert!(!markdown.contains('<'), "{markdown}");
    assert_eq!(visible::text(&markdown), markdown);
    let text = speed_text(&timings);
    assert_eq!(visible::text(&text), text);
    assert!(text.contains("<img src=x>\\u001B[2J\\n\\u202E"), "{text}");
}
