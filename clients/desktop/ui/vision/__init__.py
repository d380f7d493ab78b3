"""Pages about the cameras of cabinets and racks."""
