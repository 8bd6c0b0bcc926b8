-- Who may read how far a catalogue version has been swept.
GRANT SELECT ON matcher.catalogue_sweeps_v TO credithub_gateway, credithub_dashboard;
GRANT SELECT ON matcher.catalogue_sweeps TO credithub_dashboard;
