//! Images with labels, as their publishers store them.
