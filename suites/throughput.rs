//! How fast is the structural half? `cargo bench`.

use convcheck::analysis::summary;
use convcheck::check::{check, select};
use convcheck::{claim, zoo};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

fn registry(criterion: &mut Criterion) {
    criterion.bench_function("registry/build", |bencher| {
        bencher.iter(|| {
            for model in zoo::models() {
                black_box(model.graph().expect("a registered model builds"));
            }
        });
    });
    criterion.bench_function("registry/build-and-analyse", |bencher| {
        bencher.iter(|| {
            for model in zoo::models() {
                let graph = model.graph().expect("a registered model builds");
                black_box(summary(model.name, &graph).expect("its counts fit"));
            }
        });
    });
}

fn claims(criterion: &mut Criterion) {
    criterion.bench_function("claims/parse", |bencher| {
        bencher.iter(|| black_box(claim::embedded().expect("the suites are well-formed")));
    });
    let suites = claim::embedded().expect("the suites are well-formed");
    criterion.bench_function("claims/check-all", |bencher| {
        bencher.iter(|| black_box(check(select(&suites, None), false, |_| true)));
    });
}

criterion_group!(benches, registry, claims);
criterion_main!(benches);
