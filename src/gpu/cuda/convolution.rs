//! How is a convolution run, by the algorithm that was chosen for it?

use super::calls::{self, Operands, Space};
use super::choices::{Choice, Choices, Known, WORKSPACE};
use super::cudnn::{Described, Handle, Tried, refused};
use super::device::Device;
use super::memory::DeviceBlock;
use crate::gpu::{ConvPass, Convolution, Element, GpuError};
use cudarc::driver::DriverError;

/// How often algorithms are tried. The best time of each counts: its first trial may have loaded it.
const TRIALS: usize = 3;

/// The convolutions of a machine, which run one after the other.
pub(super) struct Convolutions {
    handle: Handle,
    known: Vec<Known>,
    /// The last is large enough for all that are known; captured programs go on with earlier ones.
    workspaces: Vec<DeviceBlock>,
    /// Bytes that it must have.
    needed: usize,
}

impl Convolutions {
    /// None yet.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    pub fn new(device: &Device) -> Result<Convolutions, GpuError> {
        Ok(Convolutions {
            handle: Handle::new(device)?,
            known: Vec::new(),
            workspaces: Vec::new(),
            needed: 0,
        })
    }

    /// The number of a pass of a convolution, by which it is run.
    ///
    /// # Errors
    /// [`GpuError::Device`] if cuDNN has no such convolution, or no algorithm for it.
    pub fn number(
        &mut self,
        choices: &Choices,
        pass: ConvPass,
        shape: Convolution,
        element: Element,
    ) -> Result<usize, GpuError> {
        let what = (pass, shape, element);
        if let Some(number) = self.known.iter().position(|known| known.what == what) {
            return Ok(number);
        }
        let mut known = Known {
            what,
            described: Described::new(&shape, element, choices.allowed(element))?,
            choice: None,
        };
        let mut chosen = choices.known();
        let choice = match chosen.get(&what) {
            Some(&choice) => Some(choice),
            None if choices.deterministic => {
                let choice = choices.advised(&self.handle, &known)?;
                chosen.insert(what, choice);
                Some(choice)
            }
            // it is tried in its first run
            None => None,
        };
        drop(chosen);
        let needed = choice.map_or(WORKSPACE, |choice| choice.workspace);
        self.needed = self.needed.max(needed);
        if let Some(choice) = choice {
            known.decide(choice)?;
        }
        self.known.push(known);
        Ok(self.known.len() - 1)
    }

    /// Makes sure that there is a workspace for all that are known.
    ///
    /// # Errors
    /// What the driver says, and how many bytes are needed.
    pub fn make_room(&mut self, device: &Device) -> Result<(), (DriverError, usize)> {
        if self.needed > self.space().bytes {
            let block = DeviceBlock::new(device, self.needed);
            self.workspaces
                .push(block.map_err(|error| (error, self.needed))?);
        }
        Ok(())
    }

    fn space(&self) -> Space {
        self.workspaces
            .last()
            .map_or(Space { start: 0, bytes: 0 }, |block| Space {
                start: block.start(),
                bytes: block.bytes(),
            })
    }

    /// Runs one; the first time it also chooses its algorithm, if that was not done.
    ///
    /// # Errors
    /// [`GpuError::Device`], also if no algorithm does it.
    pub fn run(
        &mut self,
        device: &Device,
        choices: &Choices,
        number: usize,
        places: Operands,
        add: bool,
    ) -> Result<(), GpuError> {
        let choice = match self.known[number].choice {
            Some(choice) => choice,
            None => {
                let choice = self.choose(device, choices, number, places, add)?;
                self.known[number].decide(choice)?;
                choice
            }
        };
        let known = &self.known[number];
        let space = Space {
            bytes: choice.workspace,
            ..self.space()
        };
        calls::compute(
            &self.handle,
            choice.algorithm,
            &known.described,
            places,
            space,
            add,
        )
        .map_err(refused(known.name()))
    }

    /// The fastest algorithm when tried, on this machine or another.
    fn choose(
        &self,
        device: &Device,
        choices: &Choices,
        number: usize,
        places: Operands,
        add: bool,
    ) -> Result<Choice, GpuError> {
        let known = &self.known[number];
        let mut chosen = choices.known();
        if let Some(&choice) = chosen.get(&known.what) {
            return Ok(choice);
        }
        let tried = self.tried(device, known, places, add);
        let choice = match choices.best(known, &tried) {
            Some(choice) => choice,
            None => choices.advised(&self.handle, known)?,
        };
        chosen.insert(known.what, choice);
        Ok(choice)
    }

    /// Every algorithm as it did at its best when tried, fastest first; none if that cannot be done.
    fn tried(&self, device: &Device, known: &Known, places: Operands, add: bool) -> Vec<Tried> {
        let (pass, ..) = known.what;
        // trying writes the result: where it would be added to what stands there, it goes elsewhere
        let elsewhere = match add {
            true => DeviceBlock::new(device, known.written()).ok(),
            false => None,
        };
        let places = match (pass, elsewhere.as_ref().map(DeviceBlock::start)) {
            (_, None) if add => return Vec::new(),
            (_, None) => places,
            (ConvPass::Forward, Some(y)) => Operands { y, ..places },
            (ConvPass::InputGradient, Some(x)) => Operands { x, ..places },
            (ConvPass::WeightGradient, Some(w)) => Operands { w, ..places },
        };
        let mut best: Vec<Tried> = Vec::new();
        for _ in 0..TRIALS {
            let tried = calls::tried(&self.handle, pass, &known.described, places, self.space());
            // one that failed has no time
            for tried in tried
                .unwrap_or_default()
                .into_iter()
                .filter(Tried::succeeded)
            {
                let what = |one: &Tried| (one.algorithm, one.math);
                match best.iter_mut().find(|best| what(best) == what(&tried)) {
                    Some(best) => best.time = best.time.min(tried.time),
                    None => best.push(tried),
                }
            }
        }
        best.sort_by(|a, b| a.time.total_cmp(&b.time));
        best
    }
}
