"""Cabinet camera: two still scenes per session, registration on fiducials, one decision per compartment."""
