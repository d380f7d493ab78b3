"""Independent check of the quoted cycle times: programs written from the operations, run by a simulator of its own."""
