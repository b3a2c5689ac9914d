//! Trains runs, of one experiment or of several, as many side by side as an engine takes.

use super::ExperimentFault;
use super::job::{OnStep, Say};
use super::notice::Notice;
use super::prepared::Job;
use crate::train::{Engine, TrainError, Trained};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What became of runs.
pub struct Done {
    /// Those that are finished, in the order of the queue.
    pub runs: Vec<Trained>,
    /// Why others are not: the first that failed, or else that was stopped, or else that another process trains.
    pub fault: Option<ExperimentFault>,
}

/// Runs that wait, each by its place in the queue, and what became of others.
struct State {
    waiting: VecDeque<usize>,
    workers: usize,
    runs: Vec<(usize, Trained)>,
    busy: Vec<usize>,
    faults: Vec<(usize, ExperimentFault)>,
}

/// Trains runs, those that are worth most first. Each finished one is written at once, if it is kept. All are looked at
/// before the first is trained, so that nothing is written beside what is not of these experiments. `on_step` is called with
/// each step, and stops everything by returning false. A run that diverges is finished. As many go side by side as the engine takes, each on a thread
/// of its own; no result depends on that. One that fails stops the others, which leave snapshots; one that another process
/// trains is passed over.
pub fn train_all<E: Engine>(engine: &E, jobs: &[Job], say: Say, on_step: OnStep) -> Done {
    for job in jobs {
        if let Err(fault) = job.check(engine.name(), say) {
            return Done {
                runs: Vec::new(),
                fault: Some(fault),
            };
        }
    }
    let at_once = jobs.iter().map(|job| engine.at_once(job.scale())).min();
    let workers = at_once.unwrap_or(1).clamp(1, jobs.len().max(1));
    let state = Mutex::new(State {
        waiting: (0..jobs.len()).collect(),
        workers,
        runs: Vec::new(),
        busy: Vec::new(),
        faults: Vec::new(),
    });
    let stops = AtomicBool::new(false);
    let queue = Queue {
        engine,
        jobs,
        say,
        on_step,
        state: &state,
        stops: &stops,
    };
    match workers {
        1 => queue.work(),
        _ => std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(
                    || match rayon::ThreadPoolBuilder::new().num_threads(1).build() {
                        Ok(pool) => pool.install(|| queue.work()),
                        // without a pool of its own the worker shares that of all
                        Err(_) => queue.work(),
                    },
                );
            }
        }),
    }
    let state = state.into_inner().unwrap_or_else(PoisonError::into_inner);
    done(state, engine.name(), jobs)
}

/// What the workers share.
struct Queue<'q, E> {
    engine: &'q E,
    jobs: &'q [Job<'q>],
    say: Say<'q>,
    on_step: OnStep<'q>,
    state: &'q Mutex<State>,
    /// Nothing new is begun, and what is under way stops.
    stops: &'q AtomicBool,
}

impl<E: Engine> Queue<'_, E> {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Trains one run after the other, until none waits.
    fn work(&self) {
        let goes_on = |event: super::ProgressEvent| {
            if !(self.on_step)(event) {
                self.stops.store(true, Ordering::Relaxed);
            }
            !self.stops.load(Ordering::Relaxed)
        };
        while let Some((place, alone)) = self.next() {
            let job = &self.jobs[place];
            let trained = job.train(self.engine, self.say, &goes_on);
            if let Ok(Some(run)) = &trained
                && let Some(at) = run.divergence()
            {
                (self.say)(Notice::Diverged {
                    experiment: &run.experiment,
                    arm: &run.arm,
                    seed: run.seed,
                    at,
                });
            }
            let mut state = self.state();
            match trained {
                Ok(Some(run)) => state.runs.push((place, run)),
                Ok(None) => state.busy.push(place),
                Err(fault) if lacks_room(&fault) && !alone => {
                    state.waiting.push_front(place);
                    if state.workers > 1 {
                        state.workers -= 1;
                        let at_once = state.workers;
                        drop(state);
                        return (self.say)(Notice::Fewer {
                            at_once,
                            why: fault.to_string(),
                        });
                    }
                    // the others have ended meanwhile, and with them went what they took
                }
                Err(fault) => {
                    self.stops.store(true, Ordering::Relaxed);
                    state.faults.push((place, fault));
                }
            }
        }
    }

    /// The next run, and whether no other worker is left.
    fn next(&self) -> Option<(usize, bool)> {
        let mut state = self.state();
        let stops = self.stops.load(Ordering::Relaxed);
        let next = (!stops).then(|| state.waiting.pop_front()).flatten();
        match next {
            Some(place) => Some((place, state.workers == 1)),
            None => {
                state.workers -= 1;
                None
            }
        }
    }
}

fn lacks_room(fault: &ExperimentFault) -> bool {
    let ExperimentFault::Run { error, .. } = fault else {
        return false;
    };
    matches!(**error, TrainError::NoRoom(_))
}

fn done(state: State, backend: &str, jobs: &[Job]) -> Done {
    let State {
        waiting,
        mut runs,
        busy,
        mut faults,
        ..
    } = state;
    if let Some(first) = waiting.front() {
        let left = waiting.len();
        faults.push((*first, ExperimentFault::Stopped { left }));
    }
    for place in busy {
        // whoever trained it may have come to its end
        match jobs[place].found(backend) {
            Some(run) => runs.push((place, run)),
            None => faults.extend(jobs[place].in_use().map(|fault| (place, fault))),
        }
    }
    runs.sort_by_key(|(place, _)| *place);
    // a run that another's failure stopped is not why
    faults.sort_by_key(|(place, fault)| (fault.passes(), !fault.is_stop(), *place));
    Done {
        runs: runs.into_iter().map(|(_, run)| run).collect(),
        fault: faults.into_iter().next().map(|(_, fault)| fault),
    }
}

#[cfg(test)]
mod tests;
