"""gridgov: the one map a development zone shares. The domain, without HTTP and without HTML."""

__version__ = "0.1.0"
