//! Talks to one repository of a registry (OCI distribution specification 1.1): tokens, blobs and manifests.
//!
//! Does not know what the objects are (`manifest.rs`, `names.rs`).
//!
//! A registry that answers 401 says how it wants to be asked: with a login (`Basic`), or with a token of the address
//! that it names (`Bearer realm=…,service=…,scope=…`). Tokens go to the registry alone, not to where it redirects.

use std::fs::File;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use crate::channel::connection::{Connection, LARGEST_ANSWER};
use crate::channel::oci::login;
use crate::channel::oci::names::Place;
use crate::channel::{Act, ChannelError, Kind};
use crate::http::{Answer, Body, Header, HttpError, Login, Method, Request, basic};
use crate::model::digest::Digest;
use crate::percent;

/// How often a blob is sent anew after its connection broke: a half-sent one cannot be gone on with.
const SENDINGS: u32 = 4;

/// One repository, and what proves who asks.
pub(super) struct Session {
    pub connection: Connection,
    pub place: Place,
    proof: Mutex<Proof>,
}

/// What is sent as `Authorization`.
#[derive(Clone)]
enum Proof {
    Unknown,
    None,
    Header(Header),
}

/// One request below the repository.
#[derive(Clone, Copy)]
pub(super) struct Ask<'a> {
    pub act: Act,
    pub method: Method,
    /// Below `/v2/<repository>/`, or a whole address.
    pub to: &'a str,
    pub headers: &'a [Header],
    pub body: Body<'a>,
    pub limit: u64,
}

impl<'a> Ask<'a> {
    pub(super) fn new(act: Act, method: Method, to: &'a str) -> Ask<'a> {
        Ask { act, method, to, headers: &[], body: Body::Empty, limit: LARGEST_ANSWER }
    }
}

impl Session {
    pub(super) fn new(channel: &str, place: Place) -> Session {
        Session { connection: Connection::new(Kind::Oci, channel), place, proof: Mutex::new(Proof::Unknown) }
    }

    fn address(&self, to: &str) -> String {
        match to.contains("://") {
            true => to.to_owned(),
            false if to.starts_with('/') => format!("{}{to}", self.place.origin),
            false => format!("{}/v2/{}/{to}", self.place.origin, self.place.repository),
        }
    }

    fn login(&self) -> Result<Option<Login>, ChannelError> {
        login::find(&self.connection.channel, &self.place.registry)
    }

    /// The header of now: at first the login, which many registries take without more words.
    fn proof(&self) -> Result<Option<Header>, ChannelError> {
        let mut proof = self.proof.lock().expect("nothing panics while it is held");
        if let Proof::Unknown = *proof {
            *proof = self.login()?.map_or(Proof::None, |login| Proof::Header(basic(&login.user, &login.password)));
        }
        Ok(match &*proof {
            Proof::Header(header) => Some(header.clone()),
            _ => None,
        })
    }

    /// Does `send` with the header of now, and once more with another one where the registry asks for it.
    fn proven<T>(
        &self,
        ask: &Ask,
        send: &mut dyn FnMut(&Request) -> Result<T, HttpError>,
        challenge: &dyn Fn(&T) -> Option<String>,
    ) -> Result<T, ChannelError> {
        let url = self.address(ask.to);
        let is_registry = url.starts_with(&format!("{}/", self.place.origin));
        let mut tries = 0;
        loop {
            let header = if is_registry { self.proof()? } else { None };
            let secrets = || header.iter().cloned().collect();
            let request = Request::new(ask.method, &url).headers(ask.headers).secrets(&secrets).body(ask.body);
            let answer = send(&request).map_err(ChannelError::Http)?;
            match challenge(&answer) {
                Some(challenge) if tries == 0 && is_registry => self.answer(ask, &challenge)?,
                _ => return Ok(answer),
            }
            tries += 1;
        }
    }

    pub(super) fn send(&self, ask: &Ask) -> Result<Answer, ChannelError> {
        self.send_by(ask, |request| *request)
    }

    fn send_by(&self, ask: &Ask, with: impl for<'a> Fn(&Request<'a>) -> Request<'a>) -> Result<Answer, ChannelError> {
        let client = self.connection.client()?;
        self.proven(ask, &mut |request| client.send(&with(request), ask.limit), &|answer| {
            (answer.status == 401).then(|| answer.header("www-authenticate").unwrap_or_default().to_owned())
        })
    }

    /// Appends a blob to a file.
    pub(super) fn fetch(
        &self,
        digest: Digest,
        into: &mut File,
        limit: u64,
        on_bytes: &mut dyn FnMut(u64),
    ) -> Result<Option<u64>, ChannelError> {
        let (client, to) = (self.connection.client()?, format!("blobs/sha256:{digest}"));
        let ask = Ask::new(Act::Read, Method::Get, &to);
        let fetched = self.proven(&ask, &mut |request| client.fetch(request, into, limit, on_bytes), &|_| None);
        match fetched {
            // The token is missing or over: a small request finds out how to get one.
            Err(ChannelError::Http(HttpError::Status { status: 401, .. })) => {
                self.blob_size(digest)?;
                self.proven(&ask, &mut |request| client.fetch(request, into, limit, on_bytes), &|_| None)
            }
            other => other,
        }
    }

    /// Gets what answers a challenge (RFC 9110, 11.6.1).
    fn answer(&self, ask: &Ask, challenge: &str) -> Result<(), ChannelError> {
        let login = self.login()?;
        let proof = match challenge.split_once(' ') {
            Some((scheme, parameters)) if scheme.eq_ignore_ascii_case("bearer") => {
                let token = self.token(ask, parameters, login.as_ref())?;
                Proof::Header(("authorization".to_owned(), format!("Bearer {token}")))
            }
            _ => login.map_or(Proof::None, |login| Proof::Header(basic(&login.user, &login.password))),
        };
        *self.proof.lock().expect("nothing panics while it is held") = proof;
        Ok(())
    }

    fn token(&self, ask: &Ask, parameters: &str, login: Option<&Login>) -> Result<String, ChannelError> {
        let nonsense = |reason: &str| self.connection.nonsense(ask.to, reason);
        let realm = parameter(parameters, "realm").ok_or_else(|| nonsense("it names nobody who gives tokens"))?;
        // A login does not go over the wire in clear because a registry says so.
        if self.place.origin.starts_with("https:") && !realm.starts_with("https:") {
            return Err(nonsense("it sends logins to a place without TLS"));
        }
        let wanted = if ask.act == Act::Read || ask.act == Act::List { "pull" } else { "pull,push,delete" };
        let own = format!("repository:{}:{wanted}", self.place.repository);
        let scope = parameter(parameters, "scope").unwrap_or(own);
        let mut url =
            format!("{realm}{}scope={}", if realm.contains('?') { '&' } else { '?' }, percent::encoded(&scope));
        if let Some(service) = parameter(parameters, "service") {
            url.push_str(&format!("&service={}", percent::encoded(&service)));
        }
        let secrets = || login.map(|login| basic(&login.user, &login.password)).into_iter().collect();
        let request = Request::new(Method::Get, &url).secrets(&secrets);
        let answer = self.connection.send(&request, LARGEST_ANSWER)?;
        if !answer.is_success() {
            return Err(self.connection.refused(ask.act, "a token", answer.status, said(&answer)));
        }
        let given: Given = serde_json::from_slice(&answer.body).map_err(|error| nonsense(&error.to_string()))?;
        given.token.or(given.access_token).ok_or_else(|| nonsense("it gives no token"))
    }

    /// The size of a blob in bytes; `None` where there is none.
    pub(super) fn blob_size(&self, digest: Digest) -> Result<Option<u64>, ChannelError> {
        let to = format!("blobs/sha256:{digest}");
        let answer = self.send(&Ask::new(Act::Read, Method::Head, &to))?;
        match () {
            () if answer.is_absent() => Ok(None),
            () if answer.is_success() => Ok(answer.length()),
            () => Err(self.refused(Act::Read, &to, &answer)),
        }
    }

    /// A small blob whose bytes have the digest; `None` where there is none.
    pub(super) fn blob(&self, digest: Digest, limit: u64) -> Result<Option<Vec<u8>>, ChannelError> {
        let to = format!("blobs/sha256:{digest}");
        let answer = self.send(&Ask { limit, ..Ask::new(Act::Read, Method::Get, &to) })?;
        match answer.status {
            404 | 410 => Ok(None),
            200 if Digest::of(&answer.body) == digest => Ok(Some(answer.body)),
            200 => Err(ChannelError::Damaged { path: to }),
            _ => Err(self.refused(Act::Read, &to, &answer)),
        }
    }

    /// Sends a blob; the registry compares its digest.
    pub(super) fn push_blob(&self, body: Body) -> Result<(), ChannelError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.push_once(body) {
                Err(ChannelError::Http(error)) if error.may_pass() && tries < SENDINGS => {
                    thread::sleep(Duration::from_millis(200 << tries));
                }
                other => return other,
            }
        }
    }

    fn push_once(&self, body: Body) -> Result<(), ChannelError> {
        let begun = self.send(&Ask::new(Act::Write, Method::Post, "blobs/uploads/"))?;
        let location = begun.header("location").filter(|_| begun.status == 202);
        let Some(location) = location else { return Err(self.refused(Act::Write, "a blob", &begun)) };
        let mark = if location.contains('?') { '&' } else { '?' };
        let to = format!("{location}{mark}digest={}", percent::encoded(&format!("sha256:{}", body.digest())));
        // Without a type, some registries read the body as a form.
        let headers = [("content-type".to_owned(), "application/octet-stream".to_owned())];
        let ask = Ask { headers: &headers, body, ..Ask::new(Act::Write, Method::Put, &to) };
        let answer = self.send_by(&ask, |request| request.once())?;
        match answer.status {
            201 | 204 => Ok(()),
            // The session is gone, or the bytes were changed on the way: a new session may do.
            400 | 404 | 416 => {
                let url = self.place.origin.clone();
                Err(ChannelError::Http(HttpError::Broken { url, reason: said(&answer).unwrap_or_default() }))
            }
            _ => Err(self.refused(Act::Write, "a blob", &answer)),
        }
    }

    /// The manifest at a tag, as it is; `None` where there is none.
    pub(super) fn manifest(&self, tag: &str, media_type: &str) -> Result<Option<Vec<u8>>, ChannelError> {
        let (to, headers) = (format!("manifests/{tag}"), [("accept".to_owned(), media_type.to_owned())]);
        let answer = self.send(&Ask { headers: &headers, ..Ask::new(Act::Read, Method::Get, &to) })?;
        match answer.status {
            404 => Ok(None),
            200 => Ok(Some(answer.body)),
            _ => Err(self.refused(Act::Read, &to, &answer)),
        }
    }

    /// Puts a manifest at a tag until it is there as it was sent.
    pub(super) fn put_manifest(&self, tag: &str, media_type: &str, bytes: &[u8]) -> Result<(), ChannelError> {
        let (to, headers) = (format!("manifests/{tag}"), [("content-type".to_owned(), media_type.to_owned())]);
        for _ in 0..SENDINGS {
            let body = Body::Bytes(bytes);
            let answer = self.send(&Ask { headers: &headers, body, ..Ask::new(Act::Write, Method::Put, &to) })?;
            if !answer.is_success() {
                return Err(self.refused(Act::Write, &to, &answer));
            }
            if self.manifest(tag, media_type)?.as_deref() == Some(bytes) {
                return Ok(());
            }
        }
        Err(ChannelError::Damaged { path: to })
    }

    pub(super) fn refused(&self, act: Act, path: &str, answer: &Answer) -> ChannelError {
        self.connection.refused(act, path, answer.status, said(answer))
    }
}

#[derive(serde::Deserialize)]
struct Given {
    token: Option<String>,
    access_token: Option<String>,
}

#[derive(serde::Deserialize)]
struct Faults {
    errors: Vec<Fault>,
}

#[derive(serde::Deserialize)]
struct Fault {
    code: String,
    message: Option<String>,
}

/// What the registry says about a refusal.
fn said(answer: &Answer) -> Option<String> {
    let faults: Faults = serde_json::from_slice(&answer.body).ok()?;
    let fault = faults.errors.into_iter().next()?;
    Some(fault.message.map_or(fault.code.clone(), |message| format!("{}: {message}", fault.code)))
}

/// The value of `name="value"` in a challenge.
fn parameter(text: &str, name: &str) -> Option<String> {
    let mut rest = text;
    while let Some((key, after)) = rest.split_once('=') {
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(',').unwrap_or((after, "")),
        };
        if key.trim_matches([',', ' ']).eq_ignore_ascii_case(name) {
            return Some(value.to_owned());
        }
        rest = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_with_commas_in_quotes() {
        let text = "realm=\"https://auth.example.org/token\",service=\"reg\", scope=\"repository:a:pull,push\",x=y";
        assert_eq!(parameter(text, "realm").as_deref(), Some("https://auth.example.org/token"));
        assert_eq!(parameter(text, "scope").as_deref(), Some("repository:a:pull,push"));
        assert_eq!(parameter(text, "X").as_deref(), Some("y"));
        assert_eq!(parameter(text, "error"), None);
        assert_eq!(parameter("realm=\"x", "realm"), None);
    }
}
