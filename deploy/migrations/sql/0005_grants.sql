-- What crosses between services since this revision.
SELECT 1;
