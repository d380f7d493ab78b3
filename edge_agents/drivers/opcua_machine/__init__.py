"""Machine agent: OPC UA client, OPC 40501-1 first, any server by a node map."""
