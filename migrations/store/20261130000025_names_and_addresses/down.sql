DROP TABLE addresses;
DROP TABLE skeletons;
