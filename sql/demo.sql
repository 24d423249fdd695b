-- The main job on the small sample in data/: `make demo` runs it.

-- Tables with the columns of the files; COPY then loads them.
CREATE TABLE plays AS FROM 'data/plays.csv' LIMIT 0;
CREATE TABLE songs AS FROM 'data/songs.csv' LIMIT 0;
CREATE TABLE users AS FROM 'data/users.csv' LIMIT 0;
CREATE TABLE chords AS FROM 'data/chords.csv' LIMIT 0;
COPY plays FROM 'data/plays.csv';
COPY songs FROM 'data/songs.csv';
COPY users FROM 'data/users.csv';
COPY chords FROM 'data/chords.csv';

SELECT 'plays' AS loaded, count(*) AS rows FROM plays
UNION ALL SELECT 'songs', count(*) FROM songs
UNION ALL SELECT 'users', count(*) FROM users
UNION ALL SELECT 'chords', count(*) FROM chords;
