//! Trains the arms of an experiment, each under each seed.

use super::kept::{Keep, Unfit, claim, read, set_aside, write};
use super::{Experiment, Notice};
use crate::data::{DataError, Dataset, Fit, Source};
use crate::graph::Shape;
use crate::train::{
    CheckpointPaths, Engine, Fingerprint, FinishedRun, Scale, StepProgress, Task, TrainError,
    Trained, fit, fits, image_shape,
};
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How an experiment is run.
pub struct Plan<'a> {
    /// The experiment.
    pub experiment: &'a Experiment,
    /// At which scale.
    pub scale: Scale,
    /// Under which seeds.
    pub seeds: Range<u64>,
    /// Folder of the data set.
    pub data: Option<&'a Path>,
    /// Where unfinished and finished runs are kept; without it nothing is written.
    pub keep: Option<Keep<'a>>,
    /// Who runs it: commit, machine and date.
    pub by: &'a By,
}

/// Who runs an experiment.
#[derive(Debug, Clone)]
pub struct By {
    /// Commit of the program.
    pub commit: Option<String>,
    /// The machine, in a line.
    pub machine: String,
    /// The date.
    pub date: String,
}

/// Why an experiment was not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum ExperimentFault {
    /// It does not have that scale.
    #[error("{experiment} has no {scale} scale")]
    NoScale {
        /// The experiment.
        experiment: String,
        /// The scale.
        scale: &'static str,
    },
    /// The images cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A run that failed.
    #[error("{experiment}, {arm}, seed {seed}: {error}")]
    Run {
        /// The experiment.
        experiment: String,
        /// The arm.
        arm: String,
        /// The seed.
        seed: u64,
        /// Why.
        error: Box<TrainError>,
    },
    /// A folder that cannot be used.
    #[error("{}: {what}", .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        what: String,
    },
}

impl ExperimentFault {
    /// Whether a run was told to stop, and nothing else happened.
    pub fn is_stop(&self) -> bool {
        let ExperimentFault::Run { error, .. } = self else {
            return false;
        };
        matches!(**error, TrainError::Stopped { .. })
    }
}

/// Which images, and how they are brought to one shape.
type Images = (Source, Shape, Fit);

/// One run of an arm.
struct Job {
    arm: usize,
    seed: u64,
}

/// An arm and a seed, as runs hear of them, and how far the run is.
#[derive(Debug, Clone, Copy)]
pub struct ProgressEvent<'a> {
    /// The arm.
    pub arm: &'a str,
    /// The seed.
    pub seed: u64,
    /// How far it is.
    pub progress: StepProgress,
}

/// What is there of a job.
#[derive(Default)]
struct Kept {
    /// The run, if it is finished.
    trained: Option<Trained>,
    /// The other versions of the program that took first steps of it.
    by: Vec<String>,
    /// Files that are not as they were written, and what is wrong with them.
    damaged: Vec<(PathBuf, String)>,
}

/// An experiment that is ready to run.
pub struct PreparedExperiment<'a> {
    plan: Plan<'a>,
    tasks: Vec<(&'a str, Task)>,
    /// Held as long as the folder is in use.
    _lock: Option<File>,
}

impl<'a> PreparedExperiment<'a> {
    /// Reads the data, puts every arm's task together and claims the folder.
    ///
    /// # Errors
    /// [`ExperimentFault`], before anything is trained; data that cannot be read leave no folder behind.
    pub fn new(plan: Plan<'a>) -> Result<PreparedExperiment<'a>, ExperimentFault> {
        let mut read: Option<(Images, Arc<Dataset>)> = None;
        let mut tasks = Vec::new();
        for arm in &plan.experiment.arms {
            let Some(recipe) = arm.recipes.get(&plan.scale) else {
                continue;
            };
            let model = &arm.models[&plan.scale];
            let fault = |error| ExperimentFault::Run {
                experiment: plan.experiment.name.clone(),
                arm: arm.name.clone(),
                seed: plan.seeds.start,
                error: Box::new(error),
            };
            let images = (recipe.data, image_shape(recipe, model), recipe.fit);
            // arms mostly see the same images
            let data = match read.take().filter(|(known, _)| *known == images) {
                Some((_, data)) => data,
                None => Arc::new(recipe.data.load(plan.data, images.1, recipe.fit)?),
            };
            let task = Task::new(recipe, model, Arc::clone(&data)).map_err(fault)?;
            read = Some((images, data));
            tasks.push((arm.name.as_str(), task));
        }
        if tasks.is_empty() {
            return Err(ExperimentFault::NoScale {
                experiment: plan.experiment.name.clone(),
                scale: plan.scale.name(),
            });
        }
        let lock = plan.keep.map(claim).transpose()?;
        Ok(PreparedExperiment {
            plan,
            tasks,
            _lock: lock,
        })
    }

    /// Steps of all runs together.
    pub fn steps(&self) -> u64 {
        let steps = self.tasks.iter().map(|(_, task)| task.steps());
        let of_a_seed = steps.fold(0, u64::saturating_add);
        of_a_seed.saturating_mul(self.plan.seeds.end - self.plan.seeds.start)
    }

    fn jobs(&self) -> impl Iterator<Item = Job> {
        let seeds = self.plan.seeds.clone();
        seeds.flat_map(|seed| (0..self.tasks.len()).map(move |arm| Job { arm, seed }))
    }

    /// Trains on an engine. What there is to say of runs that were kept is said first. `on_step` is called with each step and stops everything by returning false. At the quick
    /// scale as many runs go side by side as there are processors, each on one, where the engine lets them; at the
    /// full scale one after another. No result depends on that.
    ///
    /// # Errors
    /// [`ExperimentFault`]: that of the first run, by arm and seed, that failed.
    pub fn run<E: Engine>(
        &self,
        engine: &E,
        say: &dyn Fn(Notice),
        on_step: &(dyn Fn(ProgressEvent) -> bool + Sync),
    ) -> Result<Vec<Trained>, ExperimentFault> {
        let (mut finished, mut jobs) = (Vec::new(), Vec::new());
        let (mut begun, mut damaged) = (Vec::new(), Vec::new());
        // nothing is trained, and so nothing written, beside runs that are not this experiment's
        for job in self.jobs() {
            let kept = self.kept(engine.name(), &job)?;
            let (arm, seed, by) = (self.tasks[job.arm].0, job.seed, kept.by);
            if !by.is_empty() {
                begun.push(Notice::BegunBefore { arm, seed, by });
            }
            damaged.extend(kept.damaged);
            match kept.trained {
                Some(trained) => finished.push((job.arm, seed, Ok(trained))),
                None => jobs.push(job),
            }
        }
        for &(arm, seed, _) in &finished {
            // who finished it may have been killed before that was done
            self.remove_snapshot(&Job { arm, seed });
        }
        for (file, what) in damaged {
            let aside = set_aside(&file)?;
            say(Notice::SetAside { file, what, aside });
        }
        begun.into_iter().for_each(say);
        let workers = match self.plan.scale {
            Scale::Quick if engine.shares() => {
                std::thread::available_parallelism().map_or(1, usize::from)
            }
            Scale::Quick | Scale::Full => 1,
        };
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let done = Mutex::new(finished);
        let goes_on = |event: ProgressEvent| on_step(event) && !failed.load(Ordering::Relaxed);
        let work = || {
            while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                let trained = self.train(engine, job, &goes_on);
                if trained.is_err() {
                    failed.store(true, Ordering::Relaxed);
                    next.store(jobs.len(), Ordering::Relaxed);
                }
                let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                done.push((job.arm, job.seed, trained));
            }
        };
        match workers {
            1 => work(),
            _ => std::thread::scope(|scope| {
                for _ in 0..workers {
                    scope.spawn(
                        || match rayon::ThreadPoolBuilder::new().num_threads(1).build() {
                            Ok(pool) => pool.install(work),
                            // without a pool of its own the worker shares that of all
                            Err(_) => work(),
                        },
                    );
                }
            }),
        }
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(arm, seed, _)| (*arm, *seed));
        // a run that another's failure stopped is not why
        let why = done
            .iter()
            .position(|(_, _, trained)| trained.as_ref().is_err_and(|fault| !fault.is_stop()));
        match why {
            Some(i) => done.swap_remove(i).2.map(|trained| vec![trained]),
            None => done.into_iter().map(|(_, _, trained)| trained).collect(),
        }
    }

    fn fault(&self, job: &Job, error: TrainError) -> ExperimentFault {
        ExperimentFault::Run {
            experiment: self.plan.experiment.name.clone(),
            arm: self.tasks[job.arm].0.to_string(),
            seed: job.seed,
            error: Box::new(error),
        }
    }

    /// The files of a job, if runs are kept.
    fn files(&self, job: &Job) -> Option<(PathBuf, CheckpointPaths)> {
        let arm = self.tasks[job.arm].0;
        self.plan.keep.map(|keep| keep.files(arm, job.seed))
    }

    /// What is there of a job.
    ///
    /// # Errors
    /// [`ExperimentFault`] where it is not of this experiment, or not of that backend, or cannot be read.
    fn kept(&self, backend: &str, job: &Job) -> Result<Kept, ExperimentFault> {
        let (arm, task) = &self.tasks[job.arm];
        let mut kept = Kept::default();
        let Some((finished, paths)) = self.files(job) else {
            return Ok(kept);
        };
        // where nobody can tell, reading it says why
        if !matches!(finished.try_exists(), Ok(false)) {
            match read(&finished, (arm, job.seed), &task.fingerprint(backend)) {
                Ok(trained) => {
                    kept.by.clone_from(&trained.begun_by);
                    kept.trained = Some(trained);
                    return Ok(kept);
                }
                Err(Unfit::Damaged(what)) => {
                    let what = format!("is no finished run: {what}");
                    kept.damaged.push((finished, what));
                }
                Err(Unfit::Fault(fault)) => return Err(fault),
            }
        }
        match fits(task, job.seed, backend, &paths) {
            Ok(by) => kept.by = by,
            Err(TrainError::Damaged(what)) => kept.damaged.push((paths.snapshot, what)),
            Err(error) => return Err(self.fault(job, error)),
        }
        Ok(kept)
    }

    fn train<E: Engine>(
        &self,
        engine: &E,
        job: &Job,
        on_step: &(dyn Fn(ProgressEvent) -> bool + Sync),
    ) -> Result<Trained, ExperimentFault> {
        let Plan {
            experiment,
            scale,
            by,
            ..
        } = &self.plan;
        let ((arm, task), seed) = (&self.tasks[job.arm], job.seed);
        let (finished, paths) = self.files(job).unzip();
        let fingerprint = task.fingerprint(engine.name());
        let progress = |progress| {
            on_step(ProgressEvent {
                arm,
                seed,
                progress,
            })
        };
        let run = fit(engine, task, seed, paths.as_ref(), &progress);
        let FinishedRun {
            curve,
            seconds,
            begun_by,
        } = run.map_err(|error| self.fault(job, error))?;
        let Fingerprint {
            recipe,
            network,
            data,
            backend,
        } = fingerprint;
        let trained = Trained {
            experiment: experiment.name.clone(),
            scale: *scale,
            arm: arm.to_string(),
            seed,
            model: task.model().to_string(),
            recipe,
            network,
            data,
            commit: by.commit.clone(),
            begun_by,
            backend,
            machine: by.machine.clone(),
            date: by.date.clone(),
            seconds,
            curve,
        };
        if let Some(path) = &finished {
            write(path, &trained)?;
        }
        self.remove_snapshot(job);
        Ok(trained)
    }

    /// A finished run stands in another file.
    fn remove_snapshot(&self, job: &Job) {
        if let Some((_, paths)) = self.files(job) {
            let _ = std::fs::remove_file(paths.snapshot);
        }
    }
}
