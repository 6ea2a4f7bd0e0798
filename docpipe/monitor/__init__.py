"""The web server that Prometheus, load balancers and people ask how the pipeline is doing."""
