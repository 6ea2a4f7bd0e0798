"""What can be measured of the pipeline, by the names that dashboards and alert rules use."""
