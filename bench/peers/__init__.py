"""The same story with what else one would pick: each peer is one worker process, written as its documentation says."""
