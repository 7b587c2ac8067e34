"""What logging costs and loses, with AI Lab and with its peers: the parts of ``benchmarks/logs.py``.

A module ``with_PEER`` knows how one library is used; all have the same two functions, and run in the library's own
environment:

- ``session(folder, body)`` starts a run as the library's documentation says, calls ``body`` with its `calls.Calls`, and
  ends the run;
- ``read(folder)`` gives the values that were logged by ``Calls.value``, in order.
"""
