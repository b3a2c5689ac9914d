//! How does a program that runs again and again cost the processor one call instead of hundreds?
#![allow(unsafe_code)]

use super::device::{Device, refused};
use crate::gpu::GpuError;
use cudarc::driver::CudaGraph;
use cudarc::driver::sys::{CUgraphInstantiate_flags, CUstreamCaptureMode};

/// How far a program has come.
pub(super) enum Capture {
    /// It never ran: its first run also chooses algorithms, which cannot be captured.
    New,
    /// It ran command by command.
    WarmedUp,
    /// It is replayed as a whole.
    Whole(Replay),
    /// The device would not have it as a whole, and why: it goes on command by command.
    Refused(String),
}

/// A captured program.
pub(super) struct Replay(CudaGraph);

// SAFETY: the driver keeps a graph for whoever calls, from whichever thread, as long as calls come one after the other; a
// machine, which alone has it, is used by one thread at a time.
unsafe impl Send for Replay {}

impl Capture {
    /// Runs the commands that `ask` asks the device for.
    ///
    /// # Errors
    /// Those of `ask`, and [`GpuError::Device`].
    pub fn run(
        &mut self,
        device: &Device,
        ask: &mut dyn FnMut() -> Result<(), GpuError>,
    ) -> Result<(), GpuError> {
        if let Capture::WarmedUp = self {
            *self = match capture(device, ask) {
                Ok(graph) => Capture::Whole(Replay(graph)),
                Err(why) => Capture::Refused(why.to_string()),
            };
        }
        match self {
            Capture::Whole(Replay(graph)) => graph.launch().map_err(refused("a captured program")),
            Capture::Refused(_) => ask(),
            Capture::New | Capture::WarmedUp => {
                ask()?;
                *self = Capture::WarmedUp;
                Ok(())
            }
        }
    }
}

/// What `ask` asks for, not run but kept.
fn capture(
    device: &Device,
    ask: &mut dyn FnMut() -> Result<(), GpuError>,
) -> Result<CudaGraph, GpuError> {
    let stream = &device.stream;
    // cuDNN may make something of its own ready meanwhile, which is done at once and not captured
    let mode = CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_RELAXED;
    (stream.begin_capture(mode)).map_err(refused("the start of a capture"))?;
    let asked = ask();
    // also after a failure, or the stream would stay in capture
    let graph = stream.end_capture(CUgraphInstantiate_flags(0));
    asked?;
    let graph = graph.map_err(refused("the end of a capture"))?;
    let graph = graph.ok_or_else(|| GpuError::Device {
        what: "a capture".into(),
        why: "it holds nothing".into(),
    })?;
    graph.upload().map_err(refused("a captured program"))?;
    Ok(graph)
}
