//! Which sessions are there on a device, and which run has which?
//!
//! A run borrows a session and leaves it behind, for the next run of the same network and recipe: nothing is planned, compiled or
//! captured anew then. Images are on the device once, for as long as a session of them is there.

use super::{Gpu, GpuError, Session, Setup};
use crate::train::Fingerprint;
use candle_core::Tensor;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

type Weights = BTreeMap<String, Tensor>;

/// A device with what its runs leave for one another.
pub(super) struct Station<G: Gpu> {
    pub gpu: G,
    /// By the fingerprint of their data.
    images: Mutex<Vec<(String, Weak<G::Shared>)>>,
    free: Mutex<Vec<(Fingerprint, Session<G::Machine>)>>,
    runs: AtomicUsize,
}

/// A session for as long as a run needs it.
pub(super) struct Lease<G: Gpu> {
    station: Arc<Station<G>>,
    of: Fingerprint,
    /// Nothing once the device has failed.
    session: Option<Session<G::Machine>>,
}

/// Whoever panicked before has left whole entries.
fn locked<T>(all: &Mutex<T>) -> MutexGuard<'_, T> {
    all.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<G: Gpu> Station<G> {
    /// Without a session.
    pub fn new(gpu: G) -> Station<G> {
        Station {
            gpu,
            images: Mutex::default(),
            free: Mutex::default(),
            runs: AtomicUsize::new(0),
        }
    }

    /// Runs that have a session, or are about to.
    pub fn runs(&self) -> usize {
        self.runs.load(Ordering::Relaxed)
    }

    /// A place for one run more, which has no session yet.
    pub fn enter(self: &Arc<Self>, of: Fingerprint) -> Lease<G> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        Lease {
            station: Arc::clone(self),
            of,
            session: None,
        }
    }

    /// A session that another run has left.
    fn left(&self, of: &Fingerprint) -> Option<Session<G::Machine>> {
        let mut free = locked(&self.free);
        let i = free.iter().position(|(known, _)| known == of)?;
        Some(free.swap_remove(i).1)
    }

    /// Whether there were sessions that no run has; there are none any more.
    fn make_room(&self) -> bool {
        let free = std::mem::take(&mut *locked(&self.free));
        !free.is_empty()
    }

    fn session(
        &self,
        data: &str,
        setup: &Setup,
        weights: &Weights,
    ) -> Result<Session<G::Machine>, GpuError> {
        // held meanwhile, so that images come once, and no two count on the same free memory
        let mut all = locked(&self.images);
        let images = setup.dataset.map(|dataset| {
            all.retain(|(_, images)| images.strong_count() > 0);
            let known = all.iter().find(|(of, _)| of == data);
            if let Some(images) = known.and_then(|(_, images)| images.upgrade()) {
                return Ok(images);
            }
            let images = Arc::new(self.gpu.share(&dataset.images())?);
            all.push((data.to_string(), Arc::downgrade(&images)));
            Ok(images)
        });
        let images = images.transpose()?;
        Session::new(setup, weights, |bytes, batch| {
            self.gpu.machine(bytes, batch, images)
        })
    }
}

impl<G: Gpu> Lease<G> {
    /// Takes a session that another run has left, or makes one, and begins with these weights. Where memory is lacking,
    /// sessions that no run has must go.
    ///
    /// # Errors
    /// Those of the device, and of weights that are not the network's.
    pub fn begin(&mut self, setup: &Setup, weights: &Weights) -> Result<(), GpuError> {
        let station = &self.station;
        let session = match station.left(&self.of) {
            Some(mut session) => {
                session.reset(weights)?;
                session
            }
            None => match station.session(&self.of.data, setup, weights) {
                Err(error) if error.is_lack_of_memory() && station.make_room() => {
                    station.session(&self.of.data, setup, weights)?
                }
                made => made?,
            },
        };
        self.session = Some(session);
        Ok(())
    }

    /// Lets the session do something. One that has failed is not used again.
    ///
    /// # Errors
    /// Those of `act`.
    pub fn with<T>(
        &mut self,
        act: impl FnOnce(&mut Session<G::Machine>) -> Result<T, GpuError>,
    ) -> Result<T, GpuError> {
        let session = self.session.as_mut().ok_or_else(|| GpuError::Device {
            what: "the run".into(),
            why: "the device has failed before".into(),
        })?;
        let done = act(session);
        if done.is_err() {
            self.session = None;
        }
        done
    }

    /// The device.
    pub fn station(&self) -> &Station<G> {
        &self.station
    }
}

impl<G: Gpu> Drop for Lease<G> {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            locked(&self.station.free).push((self.of.clone(), session));
        }
        self.station.runs.fetch_sub(1, Ordering::Relaxed);
    }
}
