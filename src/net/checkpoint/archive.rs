//! What is in a zip archive of PyTorch?
//!
//! Files are read in place; PyTorch does not compress them. Whoever packed them anew may have, and then they
//! are unpacked, as long as all are small beside what the archive may be expected to hold.

use super::short;
use std::borrow::Cow;
use std::io::{Cursor, Read};
use zip::read::{ArchiveOffset, Config};
use zip::{CompressionMethod, ZipArchive};

/// How many times as long as the archive its files may be once they are unpacked.
const UNPACKED: usize = 32;

pub(super) struct Archive<'a> {
    bytes: &'a [u8],
    zip: ZipArchive<Cursor<&'a [u8]>>,
    /// Bytes that may still be unpacked.
    room: usize,
}

impl<'a> Archive<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Result<Archive<'a>, String> {
        if !has_end(bytes) {
            return Err("is cut: its end, which lists its files, is not there".into());
        }
        // the archive starts where the file does; a search for it finds another start in an archive whose
        // files have names of some lengths (76 bytes of zip64 stand before PyTorch's end record)
        let config = Config {
            archive_offset: ArchiveOffset::Known(0),
        };
        let zip = ZipArchive::with_config(config, Cursor::new(bytes));
        Ok(Archive {
            bytes,
            zip: zip.map_err(|e| format!("is cut or damaged: {e}"))?,
            room: bytes.len().saturating_mul(UNPACKED),
        })
    }

    /// The folder of its pickle, with a slash behind it if it has a name.
    pub(super) fn folder(&self) -> Result<String, String> {
        let names = || self.zip.file_names().filter_map(|name| name.ok());
        let folders: Vec<String> = names()
            .filter_map(|name| Some(name.strip_suffix("data.pkl")?.to_string()))
            .filter(|folder| folder.is_empty() || folder.ends_with('/'))
            .collect();
        match &folders[..] {
            [folder] if self.has(&format!("{folder}constants.pkl")) => Err(
                "is a program of TorchScript (`torch.jit.save`), not a state dict; save `model.state_dict()`".into(),
            ),
            [folder] => Ok(folder.clone()),
            [] if names().any(|name| name.ends_with(".npy")) => {
                Err("is an archive of NumPy arrays (npz), not what `torch.save` writes".into())
            }
            _ => Err(format!(
                "has {} files `data.pkl`; a checkpoint of PyTorch has one",
                folders.len()
            )),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.zip.index_for_name(name).is_some()
    }

    /// One file of the archive, its checksum compared.
    pub(super) fn file(&mut self, name: &str) -> Result<Cow<'a, [u8]>, String> {
        let wrong = |what: &str| format!("its file `{}` {what}", short(name));
        let mut file =
            (self.zip.by_name(name)).map_err(|e| wrong(&format!("cannot be read: {e}")))?;
        let size = usize::try_from(file.size()).map_err(|_| wrong("is cut"))?;
        if file.compression() != CompressionMethod::Stored {
            if size > self.room {
                return Err(wrong(&format!(
                    "has {size} bytes once it is unpacked; the files of an archive of {} bytes may have {UNPACKED} times as many",
                    self.bytes.len()
                )));
            }
            self.room -= size;
            let mut unpacked = Vec::with_capacity(size);
            let read = (&mut file).take(size as u64).read_to_end(&mut unpacked);
            read.map_err(|e| wrong(&format!("is damaged: {e}")))?;
            // what is left is its end, at which the checksum is compared
            let more = std::io::copy(&mut file.take(1), &mut std::io::sink());
            let more = more.map_err(|e| wrong(&format!("is damaged: {e}")))?;
            return match unpacked.len() == size && more == 0 {
                true => Ok(Cow::Owned(unpacked)),
                false => Err(wrong("is damaged: it has another length than it says")),
            };
        }
        let start = file
            .data_start()
            .and_then(|start| usize::try_from(start).ok());
        let whole = start.and_then(|start| self.bytes.get(start..)?.get(..size));
        let whole = whole.ok_or_else(|| wrong("is cut"))?;
        // reads it for the sake of its checksum
        std::io::copy(&mut file, &mut std::io::sink())
            .map_err(|e| wrong(&format!("is damaged: {e}")))?;
        Ok(Cow::Borrowed(whole))
    }
}

/// Whether the record that ends an archive is there, and all of it.
fn has_end(bytes: &[u8]) -> bool {
    const RECORD: usize = 22;
    // a comment may follow
    let from = bytes.len().saturating_sub(RECORD + usize::from(u16::MAX));
    bytes[from..]
        .windows(RECORD)
        .any(|record| record.starts_with(b"PK\x05\x06"))
}
