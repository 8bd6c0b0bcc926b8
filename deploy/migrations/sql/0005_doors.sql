-- Filled by its own change; kept so that the chain of revisions is whole.
SELECT 1;
