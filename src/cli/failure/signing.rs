//! Words for what goes wrong with keys and signatures.

use crate::cli::failure::{Code, Failure};
use crate::signing::SigningError;

impl From<&SigningError> for Failure {
    fn from(error: &SigningError) -> Failure {
        match error {
            SigningError::NotAPublicKey { given } => {
                Failure::new(Code::Usage, format!("`{}` is not a public key", given.escape_debug()))
                    .why("one has 56 characters and begins with `RW`")
                    .next("`tagalong key show FILE` prints the one of a secret key")
            }
            SigningError::NotASecretKey => Failure::new(Code::Usage, "what is given as secret key is none")
                .why("it is neither the path of a key file nor the text of one")
                .next(
                    "`tagalong key new --output FILE` makes one; name it with `--secret-key` or `TAGALONG_SECRET_KEY`",
                ),
            SigningError::Encrypted => Failure::new(Code::Usage, "the secret key cannot be used")
                .why("it has a password, and nobody can be asked for it here")
                .next("run it on a terminal, or make a key without a password: `tagalong key new --output FILE`"),
            SigningError::WrongPassword => Failure::new(Code::Usage, "the secret key cannot be used")
                .why("the password is not its password")
                .next("try again"),
            SigningError::NotASignature => Failure::new(Code::Verification, "the signature cannot be read")
                .why("it is not one of minisign with a prehashed message")
                .next("sign it anew: `tagalong publish` does, and `tagalong key sign FILE`"),
            SigningError::Stranger => Failure::new(Code::Verification, "the signature is a stranger's")
                .why("it was made with a key that is not among those given")
                .next("ask who published it; a key that you trust goes into `keys` of the channel in tagalong.toml"),
            SigningError::Revoked { key } => Failure::new(Code::Verification, "the signature is of a revoked key")
                .why(format!("tagalong.toml has {key} among `revoked` of the channel"))
                .next("publish it again with a key that is trusted: `tagalong publish` signs what is there anew"),
            SigningError::NotIntroduced { comment } => Failure::new(
                Code::Verification,
                "a key that is `introduced` in tagalong.toml is not trusted",
            )
            .why(format!("`{}` is not signed by a key of `keys` that is not revoked", comment.escape_debug()))
            .next("`tagalong key introduce KEY` with the old secret key makes it anew")
            .next("where the old key is lost or revoked, make sure whose the new one is, and write it into `keys`"),
            SigningError::Wrong { key } => Failure::new(Code::Verification, "the signature is not of these bytes")
                .why(format!("what the key {key} signed was changed afterwards"))
                .next("publish it anew, or ask who changed it"),
            SigningError::Made { reason } => Failure::new(Code::Internal, "no key or signature could be made")
                .why(reason)
                .next("run it again; with a password it takes a terminal"),
        }
    }
}
