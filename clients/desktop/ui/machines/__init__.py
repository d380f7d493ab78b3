"""Machine pages: the park at a glance, one machine, its TRS, the curves of an event, a camera's register."""
