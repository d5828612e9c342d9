"""Whether this machine and the way to the vendor are ready for a load, before it begins.

examination  all checks, each in bounded time
check        one line of the result
network      what one request without content says of the way to the server: pure
machine      the folder of the checkpoint, the clock's zones, the parts of the program
"""

from loader.doctor.check import Check, CheckState
from loader.doctor.examination import Examination, examine

__all__ = ["Check", "CheckState", "Examination", "examine"]
