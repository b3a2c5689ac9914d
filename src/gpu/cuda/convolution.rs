//! Which of cuDNN's algorithms does a convolution, and how is it run?

use super::calls::{self, Operands, Space};
use super::cudnn::{Algorithm, Described, Handle, Tried, arithmetic, refused};
use super::device::Device;
use super::memory::DeviceBlock;
use crate::gpu::{ConvPass, Convolution, Element, GpuError, Precision};
use cudarc::cudnn::sys;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How often algorithms are tried. The best time of each counts: its first trial may have loaded it.
const TRIALS: usize = 3;

/// Bytes that an algorithm may take for what is half done. The same on every GPU, since it decides which can be chosen.
const WORKSPACE: usize = 1 << 30;

/// A pass of a convolution.
type What = (ConvPass, Convolution, Element);

/// The algorithms that were chosen on a GPU, for all its machines.
pub(super) struct Choices {
    precision: Precision,
    deterministic: bool,
    known: Mutex<BTreeMap<What, Choice>>,
}

/// An algorithm, and the arithmetic and workspace in which it was tried.
#[derive(Clone, Copy)]
struct Choice {
    algorithm: Algorithm,
    math: sys::cudnnMathType_t,
    workspace: usize,
}

impl Choices {
    /// None yet. Deterministic ones have sums of a fixed order, and are always the same.
    pub fn new(precision: Precision, deterministic: bool) -> Choices {
        Choices {
            precision,
            deterministic,
            known: Mutex::default(),
        }
    }

    /// Held while one is chosen: whoever wants the same waits, and trials do not disturb one another.
    fn known(&self) -> MutexGuard<'_, BTreeMap<What, Choice>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The arithmetic that algorithms may use. By default cuDNN multiplies f32 as TF32.
    fn allowed(&self, element: Element) -> sys::cudnnMathType_t {
        match (element, self.precision) {
            (Element::Bf16, _) => sys::cudnnMathType_t::CUDNN_TENSOR_OP_MATH,
            (Element::F32, Precision::Tf32) => sys::cudnnMathType_t::CUDNN_DEFAULT_MATH,
            (Element::F32, _) => sys::cudnnMathType_t::CUDNN_FMA_MATH,
        }
    }

    /// The algorithm that cuDNN thinks best.
    fn advised(&self, handle: &Handle, known: &Known) -> Result<Choice, GpuError> {
        let (pass, ..) = known.what;
        let advised = calls::advised(handle, pass, &known.described);
        let choice = self.best(known, &advised.map_err(refused(known.name()))?);
        choice.ok_or_else(|| GpuError::Device {
            what: known.name(),
            why: format!("cuDNN has no algorithm for it in {}", self.precision.name()),
        })
    }

    /// The first that may be used; they stand in the order of their time.
    fn best(&self, known: &Known, tried: &[Tried]) -> Option<Choice> {
        let (pass, _, element) = known.what;
        let fma = sys::cudnnMathType_t::CUDNN_FMA_MATH;
        let exact = self.allowed(element) == fma;
        // the descriptor decides over the arithmetic; those that were tried in it come first all the same
        let (first, last): (Vec<&Tried>, Vec<&Tried>) = tried
            .iter()
            .partition(|tried| !exact || tried.math == fma as u32);
        first.into_iter().chain(last).find_map(|tried| {
            let math = if exact { fma } else { arithmetic(tried.math)? };
            let usable = tried.succeeded()
                && tried.memory <= WORKSPACE
                && math != sys::cudnnMathType_t::CUDNN_TENSOR_OP_MATH_ALLOW_CONVERSION
                && (!self.deterministic
                    || tried.determinism == sys::cudnnDeterminism_t::CUDNN_DETERMINISTIC as u32);
            let choice = Choice {
                algorithm: Algorithm::of(pass, tried.algorithm)?,
                math,
                workspace: tried.memory,
            };
            usable.then_some(choice)
        })
    }
}

/// The convolutions of a machine, which run one after the other.
pub(super) struct Convolutions {
    handle: Handle,
    known: Vec<Known>,
    /// The last is large enough for all that are known; captured programs go on with earlier ones.
    workspaces: Vec<DeviceBlock>,
    /// Bytes that it must have.
    needed: usize,
}

struct Known {
    what: What,
    described: Described,
    /// Once it is chosen.
    choice: Option<Choice>,
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
    /// So many bytes are needed and not there.
    pub fn make_room(&mut self, device: &Device) -> Result<(), usize> {
        if self.needed > self.space().bytes {
            let block = DeviceBlock::new(device, self.needed).map_err(|_| self.needed)?;
            self.workspaces.push(block);
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

impl Known {
    /// Settles the algorithm.
    ///
    /// # Errors
    /// [`GpuError::Device`].
    fn decide(&mut self, choice: Choice) -> Result<(), GpuError> {
        // an algorithm runs in the arithmetic in which it was tried only if it is told so
        let told = self.described.conv.compute_in(choice.math);
        told.map_err(refused(self.name()))?;
        self.choice = Some(choice);
        Ok(())
    }

    fn name(&self) -> String {
        let (pass, shape, _) = self.what;
        format!("{pass:?} of {shape:?}")
    }

    /// Bytes of what it writes.
    fn written(&self) -> usize {
        let (pass, shape, element) = self.what;
        let [x, w, y] = bytes(&shape, element).unwrap_or([usize::MAX; 3]);
        match pass {
            ConvPass::Forward => y,
            ConvPass::InputGradient => x,
            ConvPass::WeightGradient => w,
        }
    }
}

/// Bytes of input, weights and output; nothing if the machine cannot count them.
pub(super) fn bytes(shape: &Convolution, element: Element) -> Option<[usize; 3]> {
    let product = |factors: [usize; 4]| {
        factors
            .iter()
            .try_fold(element.bytes(), |product: usize, &factor| {
                product.checked_mul(factor)
            })
    };
    let Convolution {
        samples,
        maps,
        groups,
        kernel,
        input,
        output,
        ..
    } = *shape;
    Some([
        product([samples, maps[0], input[0], input[1]])?,
        product([maps[1], maps[0].checked_div(groups)?, kernel[0], kernel[1]])?,
        product([samples, maps[1], output[0], output[1]])?,
    ])
}
