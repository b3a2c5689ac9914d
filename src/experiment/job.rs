//! What is there of a run, and how is the rest of it trained?

use super::ExperimentFault;
use super::kept::{self, Existing, Keep, RunFiles, Unfit, make_room, set_aside, write};
use super::notice::Notice;
use super::prepared::{Job, Plan};
use crate::train::{
    Engine, Fingerprint, FinishedRun, StepProgress, TrainError, Trained, fit, fits,
};
use std::path::Path;

/// An arm and a seed, as runs hear of them, and how far the run is.
#[derive(Debug, Clone, Copy)]
pub struct ProgressEvent<'a> {
    /// The experiment.
    pub experiment: &'a str,
    /// The arm.
    pub arm: &'a str,
    /// The seed.
    pub seed: u64,
    /// Steps of the whole run.
    pub steps: u64,
    /// How far it is: at its end already, if it was finished before.
    pub progress: StepProgress,
}

/// Who hears of steps, and stops everything by returning false.
pub type OnStep<'a> = &'a (dyn Fn(ProgressEvent) -> bool + Sync);
/// Who hears what there is to say of runs.
pub type Say<'a> = &'a (dyn Fn(Notice) + Sync);

impl Job<'_> {
    fn fault(&self, error: TrainError) -> ExperimentFault {
        ExperimentFault::Run {
            experiment: self.experiment().name.clone(),
            arm: self.arm().to_string(),
            seed: self.seed,
            error: Box::new(error),
        }
    }

    /// Where it is kept, and in which files.
    fn kept(&self) -> Option<(Keep<'_>, RunFiles)> {
        let keep = self.of.plan.keep?;
        Some((keep, keep.files(self.arm(), self.seed)))
    }

    /// Whether it can be trained, or gone on with, on that backend; says who began it. Nothing is written.
    ///
    /// # Errors
    /// What is there and is not of this run.
    pub(super) fn check(&self, backend: &str, say: Say) -> Result<(), ExperimentFault> {
        let Some((keep, files)) = self.kept() else {
            return Ok(());
        };
        if keep.existing == Existing::Refused && files.is_begun() {
            return Err(ExperimentFault::File {
                path: keep.folder.to_path_buf(),
                what: format!(
                    "holds runs already, of {} under seed {}: --resume goes on with them, or remove the folder to begin anew",
                    self.arm(),
                    self.seed
                ),
            });
        }
        let makes_room = keep.existing == Existing::MakeRoom;
        let by = match self.finished(&files, backend) {
            Some(Ok(trained)) => trained.begun_by,
            Some(Err(Unfit::Fault(fault))) => return Err(fault),
            Some(Err(Unfit::Another(fault))) if !makes_room => return Err(fault),
            None | Some(Err(_)) => match fits(self.task(), self.seed, backend, &files.paths) {
                Ok(by) => by,
                Err(TrainError::Damaged(_)) => return Ok(()),
                Err(TrainError::AnotherRun(_)) if makes_room => return Ok(()),
                Err(error) => return Err(self.fault(error)),
            },
        };
        if !by.is_empty() {
            let (arm, seed) = (self.arm(), self.seed);
            say(Notice::BegunBefore { arm, seed, by });
        }
        Ok(())
    }

    /// The finished run that is there: its file, or else that of the record.
    fn finished(&self, files: &RunFiles, backend: &str) -> Option<Result<Trained, Unfit>> {
        if !files.is_finished() {
            return self.recorded(backend).map(Ok);
        }
        let task = self.task();
        let read = kept::read(
            &files.finished,
            (self.arm(), self.seed),
            &task.fingerprint(backend),
        );
        Some(
            read.and_then(|run| match run.contradiction(Some(task.recipe())) {
                None => Ok(run),
                Some(what) => Err(Unfit::Damaged(what)),
            }),
        )
    }

    /// The finished run of the record.
    fn recorded(&self, backend: &str) -> Option<Trained> {
        let mut recorded = self.of.plan.keep?.recorded.iter();
        recorded.find(|run| self.is_run(run, backend)).cloned()
    }

    /// That another process trains it.
    pub(super) fn in_use(&self) -> Option<ExperimentFault> {
        let (_, RunFiles { lock, .. }) = self.kept()?;
        Some(ExperimentFault::InUse { lock })
    }

    /// Removes what is left beside its finished run, whose process was killed before that was done.
    pub fn tidy(&self, backend: &str) {
        let left = self.kept().filter(|(_, files)| files.has_leftovers());
        if let Some((_, files)) = left.filter(|_| self.found(backend).is_some())
            && let Ok(Some(held)) = files.hold()
        {
            // what cannot be removed is left to the next time
            let _ = files.clear(&held);
        }
    }

    /// The run that was finished before, or by another process meanwhile. Beside the file of another recipe the record may hold it.
    pub fn found(&self, backend: &str) -> Option<Trained> {
        match self.finished(&self.kept()?.1, backend)? {
            Ok(run) => Some(run),
            Err(Unfit::Another(_)) => self.recorded(backend),
            Err(Unfit::Damaged(_) | Unfit::Fault(_)) => None,
        }
    }

    /// Trains it on an engine, or what is left of it. Nothing if another process does.
    ///
    /// # Errors
    /// [`ExperimentFault`]; what was written is whole.
    pub(super) fn train<E: Engine>(
        &self,
        engine: &E,
        say: Say,
        on_step: OnStep,
    ) -> Result<Option<Trained>, ExperimentFault> {
        let Some((keep, files)) = self.kept() else {
            return self.fit(engine, None, on_step).map(Some);
        };
        let found = self.found(engine.name());
        if found.is_none() || files.has_leftovers() {
            let Some(held) = files.hold()? else {
                return Ok(found);
            };
            // another process may have finished it before this one held it
            let found = self.usable(&files, keep.existing, engine.name(), say)?;
            let trained = match found {
                Some(found) => self.at_its_end(found, on_step),
                None => self.rest(engine, &files, keep.existing, say, on_step)?,
            };
            for (file, why) in files.clear(&held) {
                say(Notice::Left { file, why });
            }
            return Ok(Some(trained));
        }
        Ok(found.map(|found| self.at_its_end(found, on_step)))
    }

    /// The finished run that is there; what is there and cannot be used stands elsewhere then.
    fn usable(
        &self,
        files: &RunFiles,
        existing: Existing,
        backend: &str,
        say: Say,
    ) -> Result<Option<Trained>, ExperimentFault> {
        match self.finished(files, backend) {
            None => return Ok(None),
            Some(Ok(trained)) => return Ok(Some(trained)),
            Some(Err(Unfit::Damaged(what))) => {
                aside(&files.finished, format!("is no finished run: {what}"), say)?;
            }
            Some(Err(Unfit::Another(_))) if existing == Existing::MakeRoom => {
                make_room(&files.finished)?;
            }
            Some(Err(Unfit::Another(fault) | Unfit::Fault(fault))) => return Err(fault),
        }
        Ok(self.recorded(backend))
    }

    /// Trains what is left of it, and writes it down.
    fn rest<E: Engine>(
        &self,
        engine: &E,
        files: &RunFiles,
        existing: Existing,
        say: Say,
        on_step: OnStep,
    ) -> Result<Trained, ExperimentFault> {
        let mut run = self.fit(engine, Some(files), on_step);
        if let Err(ExperimentFault::Run { error, .. }) = &run {
            let snapshot = &files.paths.snapshot;
            match &**error {
                TrainError::Damaged(what) => aside(snapshot, what.clone(), say)?,
                TrainError::AnotherRun(_) if existing == Existing::MakeRoom => make_room(snapshot)?,
                _ => return run,
            }
            run = self.fit(engine, Some(files), on_step);
        }
        let run = run?;
        write(&files.finished, &run)?;
        Ok(run)
    }

    /// Says of a run that no more steps are left of it.
    fn at_its_end(&self, found: Trained, on_step: OnStep) -> Trained {
        let last = found.curve.losses.last().copied();
        on_step(self.event(StepProgress {
            step: self.task().steps(),
            images: 0,
            loss: last.unwrap_or_default(),
        }));
        found
    }

    fn event(&self, progress: StepProgress) -> ProgressEvent<'_> {
        ProgressEvent {
            experiment: &self.experiment().name,
            arm: self.arm(),
            seed: self.seed,
            steps: self.task().steps(),
            progress,
        }
    }

    fn fit<E: Engine>(
        &self,
        engine: &E,
        files: Option<&RunFiles>,
        on_step: OnStep,
    ) -> Result<Trained, ExperimentFault> {
        let (task, Plan { by, scale, .. }) = (self.task(), &self.of.plan);
        let progress = |progress| on_step(self.event(progress));
        let paths = files.map(|files| &files.paths);
        let run = fit(engine, task, self.seed, paths, &progress);
        let FinishedRun {
            curve,
            seconds,
            begun_by,
            diverged,
        } = run.map_err(|error| self.fault(error))?;
        let Fingerprint {
            recipe,
            network,
            data,
            backend,
        } = task.fingerprint(engine.name());
        let trained = Trained {
            experiment: self.experiment().name.clone(),
            scale: *scale,
            arm: self.arm().to_string(),
            seed: self.seed,
            model: task.model().to_string(),
            recipe,
            network,
            data,
            commit: by.commit.clone(),
            begun_by,
            diverged,
            backend,
            machine: by.machine.clone(),
            date: by.date.clone(),
            seconds,
            curve,
        };
        Ok(match trained.diverged {
            None => trained,
            // nobody waits for its other steps
            Some(_) => self.at_its_end(trained, on_step),
        })
    }
}

/// Puts a damaged file aside, and says so.
fn aside(file: &Path, what: String, say: Say) -> Result<(), ExperimentFault> {
    let (aside, file) = (set_aside(file)?, file.to_path_buf());
    say(Notice::SetAside { file, what, aside });
    Ok(())
}
