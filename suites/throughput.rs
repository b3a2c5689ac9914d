//! How fast? `cargo bench`. With arguments `candle MODEL BATCH STEP SAMPLES` it times stock candle layers
//! instead and prints the line of a record, for `ci/peers`.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "an entry point reads arguments and prints"
)]

#[path = "throughput/candle.rs"]
mod candle;

use anyhow::{Context, Result, bail};
use candle::Stock;
use convcheck::analysis::summary;
use convcheck::bench::{Engine, NETS, StepKind, Timing, What, Workload, kernels, peaks, samples};
use convcheck::check::{check, select};
use convcheck::evidence::{Evaluator, Training};
use convcheck::zoo::Registry;
use convcheck::{claim, device};
use criterion::{BenchmarkId, Criterion, Throughput};
use std::hint::black_box;
use std::time::Duration;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    convcheck::allocator::keep_freed_memory();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, rest @ ..] = arguments.as_slice()
        && first == "candle"
    {
        return one_shot(rest);
    }
    println!("{}, {}", device::measured(), device::describe()?);
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    registry(&mut criterion);
    claims(&mut criterion);
    machine(&mut criterion);
    for step in StepKind::ALL {
        networks(&mut criterion, step);
    }
    criterion.final_summary();
    Ok(())
}

fn registry(criterion: &mut Criterion) {
    let registry = Registry::builtin();
    criterion.bench_function("registry/build", |bencher| {
        bencher.iter(|| {
            for model in registry.models() {
                black_box(model.graph().expect("a registered model builds"));
            }
        });
    });
    criterion.bench_function("registry/build-and-analyse", |bencher| {
        bencher.iter(|| {
            for model in registry.models() {
                let graph = model.graph().expect("a registered model builds");
                black_box(summary(&model.name, &graph).expect("its counts fit"));
            }
        });
    });
}

fn claims(criterion: &mut Criterion) {
    criterion.bench_function("claims/parse", |bencher| {
        bencher.iter(|| black_box(claim::embedded().expect("the suites are well-formed")));
    });
    let suites = claim::embedded().expect("the suites are well-formed");
    let (registry, training) = (Registry::builtin(), Training::default());
    criterion.bench_function("claims/check-all", |bencher| {
        bencher.iter(|| {
            black_box(check(
                select(&suites, None),
                &Evaluator::new(&registry),
                &training,
                false,
                |_| true,
            ))
        });
    });
}

/// The most that the machine can do, and how near each kernel comes.
fn machine(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kernels");
    for mut peak in peaks() {
        let What::Peak { of, work } = peak.what() else {
            continue;
        };
        group.throughput(Throughput::Elements(work));
        group.bench_function(BenchmarkId::new("peak", format!("{of:?}")), |bencher| {
            bencher.iter(|| peak.run().expect("it runs"));
        });
    }
    for kernel in kernels() {
        let What::Kernel {
            name, pass, flop, ..
        } = kernel.what()
        else {
            continue;
        };
        group.throughput(Throughput::Elements(flop));
        // made only if the filter picks it, and then once
        let mut kernel = Some(kernel);
        let mut step = None;
        group.bench_function(BenchmarkId::new(name, pass.name()), |bencher| {
            if let Some(kernel) = kernel.take() {
                step = Some(kernel.ready().expect("its network runs"));
            }
            let step = step.as_mut().expect("it was made");
            bencher.iter(|| step().expect("it runs"));
        });
    }
}

fn networks(criterion: &mut Criterion, step: StepKind) {
    let registry = Registry::builtin();
    let mut group = criterion.benchmark_group(step.name());
    for &(name, batches) in NETS {
        for batch in batches {
            let model = registry.find(name).expect("it is registered");
            let mut workload = None;
            group.throughput(Throughput::Elements(batch as u64));
            group.bench_function(BenchmarkId::new(name, batch), |bencher| {
                let workload = workload
                    .get_or_insert_with(|| Workload::new(&model, batch, step).expect("it is made"));
                bencher.iter(|| workload.run().expect("it runs"));
            });
        }
    }
}

fn one_shot(arguments: &[String]) -> Result<()> {
    let [model, batch, step, count] = arguments else {
        bail!("candle MODEL BATCH STEP SAMPLES")
    };
    let step = StepKind::ALL.into_iter().find(|one| one.name() == step);
    let step = step.context("STEP is inference or training")?;
    let workload = Workload::new(&Registry::builtin().find(model)?, batch.parse()?, step)?;
    let mut stock = Stock::new(&workload, step)?;
    // one step is enough, as it asks for its memory anew in each
    let warm_up = (1, Duration::ZERO);
    let samples = samples(warm_up, count.parse()?, &|| true, || stock.run())?;
    let engine = (Engine::Candle, candle_version());
    let date = time::OffsetDateTime::now_utc().date().to_string();
    let timing = Timing::new(
        engine,
        (&device::describe()?, &date),
        workload.what().clone(),
        samples,
    );
    println!("{}", serde_json::to_string(&timing)?);
    Ok(())
}

/// As it is locked.
fn candle_version() -> &'static str {
    let lock = include_str!("../Cargo.lock");
    let package = lock.split("name = \"candle-nn\"\nversion = \"").nth(1);
    package
        .and_then(|rest| rest.split('"').next())
        .unwrap_or("?")
}
