"""Times training steps of hybridized Gluon networks, baryon and MXNet taking turns."""
