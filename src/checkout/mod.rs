//! A git work tree or bare repository and its project; the only room that knows gix.
