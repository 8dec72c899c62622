"""The linker: ELF objects of kernels -> one flat position-independent image.

`link` does the work; `object_bytes` takes the object code out of a compiled TVM module. There is no
system linker anywhere: the runtime maps the image and fills the data part that follows it.
"""

from baryon.codegen.link.errors import LinkError
from baryon.codegen.link.linker import LinkedImage, link
from baryon.codegen.link.objects import object_bytes

__all__ = ["LinkError", "LinkedImage", "link", "object_bytes"]
