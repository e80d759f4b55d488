//! Sends a large archive to a bucket in parts, several at once; all of it is there afterwards, or nothing.
//!
//! Does not decide whether it is sent.

use std::io::{Read, Seek, SeekFrom};

use crate::at_once;
use crate::channel::s3::{Ask, Bucket, only_new, xml};
use crate::channel::writable::ArchiveFile;
use crate::channel::{Act, ChannelError};
use crate::http::{Answer, Body, Header, Method};

/// The size of a part, in bytes; an archive of up to this size is sent as a whole.
pub(super) const PART: u64 = 16 << 20;

/// The most parts that S3 takes.
const MOST_PARTS: u64 = 10_000;

/// How many parts are sent at once.
const AT_ONCE: usize = 4;

impl Bucket {
    /// Sends an archive in parts; `false` when another one has been faster.
    pub(super) fn send_in_parts(
        &self,
        path: &str,
        archive: &ArchiveFile,
        digest: Header,
    ) -> Result<bool, ChannelError> {
        let (headers, query) = ([digest], [("uploads", "")]);
        let answer = self.send(&Ask { query: &query, headers: &headers, ..Ask::new(Method::Post, path) })?;
        let id = xml::value(&String::from_utf8_lossy(&answer.body), "UploadId");
        let Some(id) = id.filter(|_| answer.is_success()) else {
            return Err(self.refused(Act::Write, path, &answer));
        };
        let upload = Upload { bucket: self, path, archive, id };
        let done = upload.send_parts().and_then(|etags| upload.complete(&etags));
        if !matches!(done, Ok(true)) {
            // What was sent costs its owner until it is taken back; that this may fail changes nothing about the error.
            let _ = upload.take_back();
        }
        done
    }
}

/// An archive on its way.
struct Upload<'a> {
    bucket: &'a Bucket,
    path: &'a str,
    archive: &'a ArchiveFile<'a>,
    id: String,
}

impl Upload<'_> {
    /// Gives the entity tags of the parts, in order.
    fn send_parts(&self) -> Result<Vec<String>, ChannelError> {
        let size = PART.max(self.archive.size.div_ceil(MOST_PARTS));
        let count = self.archive.size.div_ceil(size);
        let numbers: Vec<u64> = (0..count).collect();
        at_once::each(&numbers, AT_ONCE, |number| self.send_part(*number, size))
    }

    fn send_part(&self, number: u64, size: u64) -> Result<String, ChannelError> {
        let system = |error: std::io::Error| ChannelError::System { reason: error.to_string() };
        let mut file = fs_err::File::open(self.archive.path).map_err(system)?;
        file.seek(SeekFrom::Start(number * size)).map_err(system)?;
        let mut bytes = Vec::new();
        file.take(size).read_to_end(&mut bytes).map_err(system)?;
        let number = (number + 1).to_string();
        let query = [("partNumber", number.as_str()), ("uploadId", self.id.as_str())];
        let ask = Ask { query: &query, body: Body::Bytes(&bytes), ..Ask::new(Method::Put, self.path) };
        let answer = self.bucket.send(&ask)?;
        match answer.header("etag") {
            Some(etag) if answer.is_success() => Ok(etag.to_owned()),
            _ => Err(self.refused(&answer)),
        }
    }

    fn complete(&self, etags: &[String]) -> Result<bool, ChannelError> {
        let part = |(place, etag): (usize, &String)| {
            format!("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>", place + 1, etag.replace('"', "&quot;"))
        };
        let parts: String = etags.iter().enumerate().map(part).collect();
        let xml = format!(
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{parts}</CompleteMultipartUpload>"
        );
        let query = [("uploadId", self.id.as_str())];
        let headers = [only_new()];
        let body = Body::Bytes(xml.as_bytes());
        let answer =
            self.bucket.send(&Ask { query: &query, headers: &headers, body, ..Ask::new(Method::Post, self.path) })?;
        let text = String::from_utf8_lossy(&answer.body);
        match answer.status {
            409 | 412 => Ok(false),
            // A completion that failed late says so in an answer that began well.
            200 if !text.contains("<Error>") => Ok(true),
            // It was completed by a try whose answer got lost.
            404 if text.contains("NoSuchUpload") => Ok(self.bucket.has(self.path, self.archive)? == Some(true)),
            _ => Err(self.refused(&answer)),
        }
    }

    fn take_back(&self) -> Result<Answer, ChannelError> {
        let query = [("uploadId", self.id.as_str())];
        self.bucket.send(&Ask { query: &query, ..Ask::new(Method::Delete, self.path) })
    }

    fn refused(&self, answer: &Answer) -> ChannelError {
        self.bucket.refused(Act::Write, self.path, answer)
    }
}
